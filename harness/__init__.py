"""The running service and its databases, for what measures them (`bench`), tries them (`drills`) and tests them."""
