# Debian: r-cran-lme4. Random intercept and arm of 6 to 10 sites with 3 to 20 patients each: the maximum of the restricted and
# the full likelihood, the best of two optimisers and of both reference arms (lme4 may stop at a lower one).
here <- normalizePath(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(here, "common.R"))
suppressMessages(library(lme4))
all <- rd("sites_few.csv")
for (case in unique(all$case)) for (reml in c(TRUE, FALSE)) {
  d <- all[all$case == case, ]; best <- -Inf
  for (first in 0:1) for (optimizer in c("bobyqa", "Nelder_Mead")) {
    d$a <- if (first == 0) d$arm else 1 - d$arm
    ctl <- lmerControl(optimizer = optimizer, optCtrl = list(maxfun = 1e6), check.conv.singular = "ignore",
      check.nobs.vs.nRE = "ignore", check.nobs.vs.nlev = "ignore")
    fit <- suppressWarnings(lmer(y ~ a + base + (1 + a | site), d, REML = reml, control = ctl))
    best <- max(best, as.numeric(logLik(fit)))
  }
  rec(paste("few patients a site", case), if (reml) "REML" else "ML", best, "lme4", 1e-7)
}
flush("sites_few")
