"""Google Analytics 4: sessions per day and origin."""
