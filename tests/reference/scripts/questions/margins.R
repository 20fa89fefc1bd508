# Debian: r-cran-multcomp, r-cran-mvtnorm.
here <- normalizePath(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(here, "common.R"))
# Arms against a margin: ANCOVA, Welch on changes, and gls (REML, unstructured) for the point and SE of an MMRM.
d <- rd("grp_rct_n060.csv"); d$arm <- factor(d$arm, levels = c("placebo", setdiff(unique(d$arm), "placebo")))
d <- d[complete.cases(d[, c("pre", "post")]), ]
f <- lm(post ~ arm + pre, d); co <- summary(f)$coefficients[2, ]; df <- f$df.residual
for (m in c(0.5, 1, 2)) {
  t_up <- (co[1] - m) / co[2]; t_lo <- (co[1] + m) / co[2]
  rec("margin_ancova", paste0("ni_p_", m), pt(t_up, df))
  rec("margin_ancova", paste0("tost_p_", m), max(pt(t_up, df), pt(t_lo, df, lower.tail = FALSE)))
}
rec("margin_ancova", c("estimate", "low95", "high95"), c(co[1], co[1] + qt(c(.025, .975), df) * co[2]))
rec("margin_ancova", c("low90", "high90"), co[1] + qt(c(.05, .95), df) * co[2])
d$ch <- d$post - d$pre
arms <- levels(d$arm)
for (m in c(0.5, 1, 2)) {
  a <- t.test(d$ch[d$arm == arms[2]], d$ch[d$arm == arms[1]], mu = m, alternative = "less")
  b <- t.test(d$ch[d$arm == arms[2]], d$ch[d$arm == arms[1]], mu = -m, alternative = "greater")
  rec("margin_change", paste0("ni_p_", m), a$p.value)
  rec("margin_change", paste0("tost_p_", m), max(a$p.value, b$p.value))
}
ci <- t.test(d$ch[d$arm == arms[2]], d$ch[d$arm == arms[1]], conf.level = .9)$conf.int
rec("margin_change", c("low90", "high90"), ci)

# Dunnett: every route against IV (multcomp's single-step P; the critical value by uniroot on mvtnorm::pmvt; both
# integrate by seeded quasi-Monte-Carlo, so that they are compared at 1e-5).
suppressMessages({library(multcomp); library(mvtnorm)})
dunnett <- function(case, data, formula, name) {
  fit <- lm(formula, data)
  g <- glht(fit, linfct = do.call(mcp, setNames(list("Dunnett"), name)))
  set.seed(1)
  s <- suppressWarnings(summary(g, test = adjusted("single-step", maxpts = 2e6, abseps = 1e-8, releps = 0)))
  inside <- function(cc) { set.seed(1); pmvt(lower = rep(-cc, nrow(corr)), upper = rep(cc, nrow(corr)), df = fit$df.residual,
    corr = corr, algorithm = GenzBretz(maxpts = 2e6, abseps = 1e-8, releps = 0)) - 0.95 }
  corr <- cov2cor(vcov(g)); cc <- uniroot(inside, c(1.9, 3.5), tol = 1e-8)$root
  for (i in seq_along(s$test$coefficients)) {
    key <- sub(" - .*", "", names(s$test$coefficients)[i]); b <- s$test$coefficients[i]; se <- s$test$sigma[i]
    rec(case, paste0(c("estimate_", "se_"), key), c(b, se), "multcomp")
    rec(case, paste0("p_adjusted_", key), s$test$pvalues[i], "multcomp", 1e-4, "numerical integration")
    rec(case, paste0(c("low_", "high_"), key), b + c(-1, 1) * cc * se, "mvtnorm", 1e-5, "numerical integration")
  }
}
for (k in c(2, 3, 5, 9)) for (df in c(10, 20, 60)) {
  half <- matrix(0.5, k, k) + diag(k) / 2
  at <- function(cc) { set.seed(1); pmvt(lower = rep(-cc, k), upper = rep(cc, k), df = df, corr = half,
    algorithm = GenzBretz(maxpts = 5e5, abseps = 1e-7, releps = 0)) - 0.95 }
  rec("dunnett_critical", paste(k, df), uniroot(at, c(1.9, 4), tol = 1e-7)$root, "mvtnorm", 5e-5, "numerical integration")
}
r <- rd("grp_routes_n096.csv"); r$route <- relevel(factor(r$route), ref = "IV"); r$ch <- r$post - r$pre
r4 <- r; r4$four <- factor(ifelse(r4$route == "IV" & r4$neuropathic == 1, "IVn", as.character(r4$route)))
r4$four <- relevel(r4$four, ref = "IV")
dunnett("dunnett_ancova", r[complete.cases(r[, c("pre", "post")]), ], post ~ route + pre, "route")
dunnett("dunnett_change", r[complete.cases(r[, c("pre", "post")]), ], ch ~ route, "route")
dunnett("dunnett_four", r4[complete.cases(r4[, c("pre", "post")]), ], post ~ four + pre, "four")
flush("margins")
