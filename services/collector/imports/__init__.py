"""CSV files an administrator imports: roster, membership, costs and Social Selling Index."""
