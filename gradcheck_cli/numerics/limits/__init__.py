"""The limits: every tolerance, safety factor and work limit, with its unit, its reason and how it was chosen.

One module for each part of the pipeline, so that a part imports only its own. Above each number stand,
between bars, its unit, the reason for it, and the experiment that chose it.
"""
