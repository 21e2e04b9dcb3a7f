"""What of the site is made when it is built: references, tables of data, equations. `hook.py` beside it calls all of it."""
