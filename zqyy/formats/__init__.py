"""How dates are written in every language of the screen: as our own pages write them."""
