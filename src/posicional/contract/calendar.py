"""Business dates: which days a feed has, what comes before and after them, and when something is due."""
