# Debian: r-cran-nlme, r-cran-geepack. Residuals and leverages of models, a few rows of each and sums over all.
here <- normalizePath(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(here, "common.R"))
suppressMessages({library(nlme); library(geepack)})
told <- function(case, fitted, standardised, leverage, package, tol, note = "") {
  at <- c(1, 7, 20, length(fitted))
  rec(case, paste0("fitted_", at), fitted[at], package, tol)
  rec(case, paste0("standardised_", at), standardised[at], package, tol, note)
  rec(case, "sum_abs_standardised", sum(abs(standardised)), package, tol)
  if (length(leverage)) { own <- if (package == "stats") "stats" else "own"
    rec(case, paste0("leverage_", at), leverage[at], own, tol); rec(case, "largest_leverage", max(leverage), own, tol) }
}
# ANCOVA: rstandard and hatvalues.
d <- rd("grp_rct_n060.csv"); d <- d[complete.cases(d[, c("pre", "post")]), ]; d <- d[order(d$id), ]
f <- lm(post ~ pre + arm, d)
told("diagnostics ancova", fitted(f), rstandard(f), hatvalues(f), "stats", 1e-9)
# MMRM: gls, unstructured, normalized residuals; leverage is that of the model scaled by the Cholesky factor.
l <- rd("long_rct_n060.csv"); l <- l[complete.cases(l[, c("y", "base")]), ]; l$visit <- factor(l$visit); l <- l[order(l$id, l$visit), ]
l$wave <- as.integer(l$visit)
l$arm <- factor(l$arm, levels = c("placebo", setdiff(unique(l$arm), "placebo")))
g <- gls(y ~ arm * visit + base * visit, l, correlation = corSymm(form = ~ wave | id), weights = varIdent(form = ~ 1 | visit), method = "REML",
         control = glsControl(msTol = 1e-14, tolerance = 1e-14, maxIter = 500, msMaxIter = 500, opt = "optim"))
full <- names(which.max(table(l$id))); v <- as.matrix(getVarCov(g, individual = full))
scaled_by <- function(v, x, r, id, wave) { z <- x; e <- r; for (i in split(seq_along(r), id)) { u <- chol(v(i))
    z[i, ] <- backsolve(u, x[i, , drop = FALSE], transpose = TRUE); e[i] <- backsolve(u, r[i], transpose = TRUE) }
  list(residual = e, leverage = hat(z, intercept = FALSE)) }
x <- model.matrix(~ arm * visit + base * visit, l); at <- function(i) v[l$wave[i], l$wave[i], drop = FALSE]
s <- scaled_by(at, x, as.numeric(residuals(g)), l$id, l$wave)
n <- as.numeric(residuals(g, type = "normalized")); cat("normalized = Cholesky:", max(abs(n - s$residual)), "\n")
told("diagnostics mmrm", as.numeric(fitted(g)), s$residual, s$leverage, "nlme", 2e-4, "Cholesky of getVarCov; gls stops early")
# Random slopes: marginal residuals of lme, scaled by the Cholesky factor of its marginal covariance.
m <- lme(y ~ arm * time + base, l, random = ~ 1 + time | id, method = "REML", control = lmeControl(msTol = 1e-14, tolerance = 1e-14, opt = "optim", maxIter = 500, msMaxIter = 500))
vs <- lapply(split(seq_len(nrow(l)), l$id), function(i) { z <- cbind(1, l$time[i]); z %*% getVarCov(m) %*% t(z) + diag(m$sigma^2, length(i)) })
x <- model.matrix(~ arm * time + base, l); s <- scaled_by(function(i) vs[[as.character(l$id[i[1]])]], x, as.numeric(residuals(m, level = 0)), l$id)
told("diagnostics slope", as.numeric(fitted(m, level = 0)), s$residual, s$leverage, "nlme", 1e-3, "Cholesky of the marginal covariance; lme stops early")
# GEE: Pearson residuals over the square root of the dispersion.
f <- geeglm(y ~ 0 + visit + visit:arm + base, id = id, waves = wave, data = l, family = gaussian, corstr = "exchangeable", control = geese.control(epsilon = 1e-12, maxit = 200))
told("diagnostics gee", as.numeric(fitted(f)), as.numeric(residuals(f, type = "pearson")) / sqrt(f$geese$gamma), c(), "geepack", 1e-6)
flush("diagnostics")
