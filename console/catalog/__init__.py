"""The catalog of the whole country: products (상품), and the service areas (서비스 지역) in which they are offered."""
