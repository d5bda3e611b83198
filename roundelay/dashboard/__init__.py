"""The page in the browser: the ring as it is, live; launching and watching jobs; the churn lab.

sight      what is known of a ring at one moment, as values
look       procedures that look at nodes and jobs
events     what has happened between two sights
watcher    looks again and again, for all open pages
palette    which colour a node has
scene      pieces of a drawing, and the difference of two
geometry   points and arcs on the circle
ring_view, tables, charts, training_view, history_view   sights drawn as scenes
form       the training form, made from the settings of a job
actions    what the page may set in motion: launch, stop, look up, download
lab_actions  what it may do to a ring of its own
guard      who may talk to the page: Host, Origin and token
run        everything behind the page, from the options
page       the widgets: the only module that knows NiceGUI
animation, recording, pictures   the pictures of the documents

All but page and pictures work without anything that the extra installs.
"""
