"""LinkedIn: a page's daily statistics and followers, and members' own analytics."""
