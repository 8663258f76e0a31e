# written in its own step
