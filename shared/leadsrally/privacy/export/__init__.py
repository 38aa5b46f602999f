"""P7.1: what is kept about an organisation or one of its contacts, as a file to take away."""
