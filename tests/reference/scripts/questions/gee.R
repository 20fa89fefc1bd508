# Debian: r-cran-geepack. Mancl-DeRouen by its formula (own), from the fit of geepack.
here <- normalizePath(dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(here, "common.R"))
suppressMessages(library(geepack))
d <- rd("long_rct_n060.csv"); d <- d[complete.cases(d[, c("y", "base")]), ]
d$arm <- factor(d$arm, levels = c("placebo", setdiff(unique(d$arm), "placebo"))); d$visit <- factor(d$visit)
d <- d[order(d$id, d$visit), ]; d$wave <- as.integer(d$visit); d$count <- round(d$y)
mancl <- function(f, d, y, fam, alpha, working) {
  x <- model.matrix(f); b <- coef(f); mu <- as.vector(fitted(f)); v <- fam$variance(mu)
  dm <- as.vector(fam$mu.eta(as.vector(f$linear.predictors))) * x
  ids <- split(seq_along(y), d$id); bread <- matrix(0, ncol(x), ncol(x)); w <- list()
  for (i in names(ids)) { k <- ids[[i]]; lag <- abs(outer(d$wave[k], d$wave[k], "-"))
    r <- switch(working, independence = diag(length(k)), exchangeable = ifelse(lag == 0, 1, alpha), ar1 = alpha^lag)
    w[[i]] <- solve(diag(sqrt(v[k]), length(k)) %*% r %*% diag(sqrt(v[k]), length(k)))
    bread <- bread + t(dm[k, , drop = FALSE]) %*% w[[i]] %*% dm[k, , drop = FALSE] }
  inv <- solve(bread); meat <- 0 * bread
  for (i in names(ids)) { k <- ids[[i]]; dk <- dm[k, , drop = FALSE]
    h <- dk %*% inv %*% t(dk) %*% w[[i]]; u <- t(dk) %*% w[[i]] %*% solve(diag(length(k)) - h, as.vector(y)[k] - mu[k]); meat <- meat + u %*% t(u) }
  inv %*% meat %*% inv
}
for (fam in c("gaussian", "poisson")) for (working in c("independence", "exchangeable", "ar1")) {
  d$yy <- if (fam == "gaussian") d$y else d$count
  f <- geeglm(yy ~ 0 + visit + visit:arm + base, id = id, waves = wave, data = d, family = fam, corstr = working, scale.fix = FALSE,
              control = geese.control(epsilon = 1e-12, maxit = 200))
  alpha <- if (working == "independence") 0 else f$geese$alpha
  md <- mancl(f, d, d$yy, get(fam)(), alpha, working); vis <- levels(d$visit)
  at <- grep(":arm", names(coef(f))); case <- paste("gee", fam, working)
  tol <- if (working == "ar1") 1e-5 else 1e-6   # geepack stops at 1e-12 of the coefficients, and estimates alpha by its own equation
  rec(case, paste0("estimate_", vis), coef(f)[at], "geepack", tol)
  rec(case, paste0("robust_se_", vis), sqrt(diag(f$geese$vbeta))[at], "geepack", tol)
  rec(case, paste0("mancl_se_", vis), sqrt(diag(md))[at], "own", tol)
  l <- rep(0, length(coef(f))); l[at] <- 1 / length(at)
  rec(case, c("estimate_all", "mancl_se_all"), c(sum(l * coef(f)), sqrt(t(l) %*% md %*% l)), "own", tol)
  rec(case, "mancl_p_all", 2 * pt(-abs(sum(l * coef(f)) / sqrt(t(l) %*% md %*% l)), length(unique(d$id)) - length(coef(f))), "own", 10 * tol)
}
flush("gee")
