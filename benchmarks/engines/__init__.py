"""How fast the simulation engines are: ours and other people's, on the same networks, in one run.

`networks` says what is simulated; `our_engines`, `simpy_engines`, `ciw_engine` and `cimba_engine` how each engine does
it; `table` lists the engines. `worker` runs one measurement in a process of its own; `rates`, `growth`, `day` and
`profile` decide which measurements to make and what follows from them; `figures` and `present` show it.
"""
