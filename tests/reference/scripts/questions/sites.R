# Debian: r-cran-lme4. One model of 8 sites with random intercept and arm: value and SE of the arm, the SD of the difference
# between sites, and its likelihood-ratio P (an equal mixture of chi-square with 1 and 2 df).
here <- normalizePath(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(here, "common.R"))
suppressMessages(library(lme4))
all <- rd("sites_n080.csv")
ctl <- lmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-10), check.conv.singular = "ignore")
for (case in unique(all$case)) for (first in c("P", "K")) {
  d <- all[all$case == case, ]; d$arm <- factor(d$arm, levels = c(first, setdiff(c("P", "K"), first)))
  main <- lmer(w4 ~ w0 + arm + (1 | site), d, REML = TRUE, control = ctl)
  wide <- lmer(w4 ~ w0 + arm + (arm | site), d, REML = TRUE, control = ctl)
  gain <- max(0, as.numeric(2 * (logLik(wide) - logLik(main))))
  id <- paste(case, first)
  rec(id, "difference", fixef(main)[3], "lme4", 1e-6)
  rec(id, "sd", attr(VarCorr(wide)$site, "stddev")[2], "lme4", 1e-3, "the likelihood is flat in it")
  rec(id, "p", mean(pchisq(gain, 1:2, lower.tail = FALSE)), "own", 1e-4)
}
flush("sites")
