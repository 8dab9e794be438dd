"""What is known of the customer who calls: looked up by number, or by what the application learned."""
