"""CSV files an administrator imports: people, costs, surveys, quotas and figures by hand."""
