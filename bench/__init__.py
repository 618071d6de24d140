"""How fast reading (`run`) and sending (`publish`) are beside others, with results that are proven equal."""
