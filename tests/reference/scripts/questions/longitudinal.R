# Debian: r-cran-nlme, r-cran-lme4, r-cran-lmertest, r-cran-pbkrtest.
here <- normalizePath(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(here, "common.R"))
suppressMessages({library(lmerTest); library(nlme)})
d <- rd("long_rct_n060.csv"); d$arm <- factor(d$arm, levels = c("placebo", setdiff(unique(d$arm), "placebo"))); d$visit <- factor(d$visit)
d <- d[complete.cases(d[, c("y", "base")]), ]
# Slopes on time with the baseline as covariate.
for (kind in c("slope", "intercept")) {
  f <- if (kind == "slope") lmer(y ~ arm * time + base + (1 + time | id), d, control = lmerControl(optCtrl = list(xtol_abs = 1e-14, ftol_abs = 1e-16)))
       else lmer(y ~ arm * time + base + (1 | id), d, control = lmerControl(optCtrl = list(xtol_abs = 1e-14, ftol_abs = 1e-16)))
  co <- summary(f)$coefficients; w <- grep(":time|time:", rownames(co)); tol <- 2e-4  # lmer stops at about 1e-5 of its variances
  case <- paste("slope", kind)
  rec(case, c("slope_placebo", "difference"), co[c("time", rownames(co)[w]), 1], "lme4", tol)
  rec(case, "loglik", as.numeric(logLik(f)), "lme4", 1e-6)
  rec(case, "difference_se", co[w, 2], "lmerTest", tol, "model-based; Satterthwaite")
  rec(case, "difference_df", co[w, 3], "lmerTest", 2e-3, "numerical derivatives")
}
# Arm x visit with a free baseline and a covariate: gls with an unstructured covariance, REML (SE are those of gls).
w <- d[!duplicated(d$id), ]; both <- rbind(data.frame(id = w$id, arm = w$arm, visit = "V0", y = w$base),
  data.frame(id = d$id, arm = d$arm, visit = as.character(d$visit), y = d$y))
both$age <- 40 + both$id %% 17; both$visit <- factor(both$visit); both <- both[order(both$id, both$visit), ]
both$wave <- as.integer(both$visit)
g <- gls(y ~ arm * visit + age, both, correlation = corSymm(form = ~ wave | id), weights = varIdent(form = ~ 1 | visit), method = "REML",
         control = glsControl(msTol = 1e-14, tolerance = 1e-14, maxIter = 500, msMaxIter = 500, opt = "optim"))
co <- summary(g)$tTable; at <- grep("^arm.*:visit", rownames(co)); vis <- sub(".*:visit", "", rownames(co)[at])
rec("free baseline", paste0("difference_", vis), co[at, 1], "nlme", 1e-4, "gls stops early")
rec("free baseline", paste0("se_", vis), co[at, 2], "nlme", 1e-4, "model-based")
rec("free baseline", "loglik", as.numeric(logLik(g)), "nlme", 1e-8)
# Homogeneous ante-dependence: own REML by optim (Gabriel 1962; SAS ANTE(1) with one variance): sigma^2 prod rho.
s <- rd("long_rct_n060.csv"); s$arm <- factor(s$arm, levels = levels(d$arm)); s <- s[complete.cases(s[, c("y", "base")]), ]; s$visit <- factor(s$visit)
x <- model.matrix(~ base * visit + arm * visit, s); k <- nlevels(s$visit); at <- split(seq_len(nrow(s)), s$id); j <- as.integer(s$visit)
cov_of <- function(th) { rho <- tanh(th[-1]); r <- diag(k); for (a in 1:(k - 1)) for (b in (a + 1):k) r[a, b] <- r[b, a] <- prod(rho[a:(b - 1)]); exp(2 * th[1]) * r }
reml <- function(th, what = "m2") { v <- cov_of(th); p <- ncol(x); xx <- matrix(0, p, p); xy <- rep(0, p); yy <- 0; ld <- 0
  for (i in at) { u <- chol(v[j[i], j[i], drop = FALSE]); a <- backsolve(u, x[i, , drop = FALSE], transpose = TRUE); b <- backsolve(u, s$y[i], transpose = TRUE)
    xx <- xx + crossprod(a); xy <- xy + crossprod(a, b); yy <- yy + sum(b^2); ld <- ld + 2 * sum(log(diag(u))) }
  beta <- solve(xx, xy); if (what == "beta") return(list(beta = beta, cov = solve(xx)))
  ld + as.numeric(determinant(xx)$modulus) + yy - sum(xy * beta) + (length(s$y) - p) * log(2 * pi) }
safe <- function(th) tryCatch(reml(th), error = function(e) 1e6)
o <- optim(c(0.5, rep(0.5, k - 1)), safe, method = "BFGS", control = list(reltol = 1e-16, maxit = 1000))
o <- optim(o$par, safe, method = "BFGS", control = list(reltol = 1e-16, maxit = 1000)); b <- reml(o$par, "beta")
rec("ante-dependence", "loglik", -o$value / 2, "own", 1e-9)
l <- rep(0, ncol(x)); names(l) <- colnames(x); l[grep("^arm[^:]*$", names(l))] <- 1; l[grep(paste0("visit", levels(s$visit)[k], ":arm"), names(l))] <- 1
rec("ante-dependence", c("difference", "se"), c(sum(l * b$beta), sqrt(t(l) %*% b$cov %*% l)), "own", 1e-5, "optim by differences")
rec("ante-dependence", c("sd", paste0("rho_", 1:(k - 1))), c(exp(o$par[1]), tanh(o$par[-1])), "own", 1e-5, "optim by differences")
flush("longitudinal")
