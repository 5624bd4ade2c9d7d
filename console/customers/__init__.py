"""The customer's pages: ordering (가입신청), following an order, moving its visit, canceling it."""
