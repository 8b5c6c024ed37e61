"""Learning: how a run is described, the loop, what it is fed, what it writes."""
