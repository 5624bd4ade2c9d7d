"""Orders (가입신청): placing one, following it, moving its visit, canceling it."""
