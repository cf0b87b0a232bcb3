NAME = 'package'
