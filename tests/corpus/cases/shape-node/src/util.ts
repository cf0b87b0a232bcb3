const b: number = 2
