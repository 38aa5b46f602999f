"""What is used, what it costs, and the invoices that say so."""
