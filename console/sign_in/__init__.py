"""How people sign in: with the identity provider, or on a machine for development by choosing a person."""
