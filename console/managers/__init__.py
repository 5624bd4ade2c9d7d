"""The managers' pages (고객서비스 담당자): the board, what needs a person, orders and what can be done, the search."""
