"""Behavioural parameters of the market from its stylised facts: the simulated method of moments over an emulator.

`spec` reads a calibration file, `space` is the box of parameters, `facts` chooses the moments and refuses those
that are held out, `simulations` computes points, `gaussian_process` emulates a moment, `fit` measures the
distance and weighs the box, `identification` and `recovery` say what the moments can tell, `execute` runs it all.
"""
