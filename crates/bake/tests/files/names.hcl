target app-1_x { context = "a" }
