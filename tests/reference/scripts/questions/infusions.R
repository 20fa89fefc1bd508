# Debian: r-cran-lme4, r-cran-lmertest, r-cran-pbkrtest, r-cran-survival.
here <- normalizePath(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(here, "common.R"))
suppressMessages({library(lmerTest); library(pbkrtest)})
# Visits within infusions within patients: random level and response of the patient, random level of the infusion.
d <- rd("infusions_nested.csv")
d$place <- ave(d$infusion, d$patient, FUN = function(k) as.integer(factor(k)))
d$number <- factor(pmin(d$place, 4)); d$visit <- factor(d$visit, levels = c("before", "day_1", "day_7"))
d$after <- as.numeric(d$visit != "before"); d$cell <- interaction(d$number, d$visit, lex.order = TRUE)
# the optimiser is restarted where it stopped, as it stops early
f <- lmer(y ~ 0 + cell + (1 + after | patient) + (1 | patient:infusion), d, control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5)))
b <- fixef(f); lev <- levels(d$cell); at <- function(k, v) as.numeric(lev == paste(k, v, sep = "."))
ch <- function(k, v) at(k, v) - at(k, "before")
L <- rbind(day_1 = rowMeans(sapply(1:4, ch, "day_1")), day_7 = rowMeans(sapply(1:4, ch, "day_7")),
           first = ch(1, "day_7"), later = ch(4, "day_7"))
V <- vcovAdj(f); tol <- 1e-5
rec("infusions", rownames(L), L %*% b, "lme4", tol)
rec("infusions", paste0(rownames(L), "_se"), sqrt(diag(L %*% as.matrix(V) %*% t(L))), "pbkrtest", tol)
rec("infusions", paste0(rownames(L), "_df"), sapply(seq_len(nrow(L)), function(i) get_Lb_ddf(f, L[i, ])), "pbkrtest", 1e-4)
rec("infusions", "loglik", as.numeric(logLik(f)), "lme4", 1e-9)
v <- as.data.frame(VarCorr(f)); sd <- function(g, n) v$sdcor[v$grp == g & v$var1 %in% n & is.na(v$var2)]
rec("infusions", c("sd_before", "sd_change", "sd_infusion", "sd_score"),
    c(sd("patient", "(Intercept)"), sd("patient", "after"), sd("patient:infusion", "(Intercept)"), sigma(f)), "lme4", 1e-4)
k <- KRmodcomp(f, rbind(ch(2, "day_7") - ch(1, "day_7"), ch(3, "day_7") - ch(1, "day_7"), ch(4, "day_7") - ch(1, "day_7")))
s <- k$test; rec("infusions", c("F", "F_df", "F_p"), unlist(s["Ftest", c("stat", "ddf", "p.value")]), "pbkrtest", 1e-4)
# The same where the response does not vary between patients: a fit at the boundary.
g <- lmer(flat ~ 0 + cell + (1 + after | patient) + (1 | patient:infusion), d, control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5)))
v <- as.data.frame(VarCorr(g))
rec("infusions at the boundary", c("loglik", "day_7"), c(as.numeric(logLik(g)), (L %*% fixef(g))[2]), "lme4", 1e-6)
rec("infusions at the boundary", c("sd_before", "sd_change", "sd_infusion", "sd_score"),
    c(sd("patient", "(Intercept)"), sd("patient", "after"), sd("patient:infusion", "(Intercept)"), sigma(g)), "lme4", 1e-3, "bobyqa stops early at the edge")
# Days from the last infusion of a course (gaps of at most 21 days) to the first of the next.
suppressMessages(library(survival))
d <- rd("infusion_days.csv"); d <- d[order(d$patient, d$day), ]
g <- do.call(rbind, lapply(split(d, d$patient), function(p) {
  course <- cumsum(c(1, diff(p$day) > 21)); from <- tapply(p$day, course, max); to <- c(tapply(p$day, course, min)[-1], NA)
  end <- p$followed[1]; event <- !is.na(to) & to <= end
  data.frame(number = seq_along(from), time = ifelse(event, to, end) - from, event = event) }))
g <- g[g$time >= 0, ]
for (k in 1:2) {
  f <- survfit(Surv(time, event) ~ 1, g[g$number == k, ], conf.type = "log-log"); q <- quantile(f, 0.5); s <- summary(f, times = 90)
  rec("next course", paste0(c("n_", "median_", "low_", "high_", "free90_", "free90low_", "free90high_"), k),
      c(f$n, q$quantile, q$lower, q$upper, s$surv, s$lower, s$upper), "survival")
}
flush("infusions")
