"""How fast reading (`run`) and sending (`publish`) are beside others, on what is built here, with results proven equal."""
