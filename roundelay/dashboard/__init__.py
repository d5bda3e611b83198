"""The web page: the live ring, launching and watching jobs, the churn lab.

model         the state of a ring at one moment, as values: RingState, NodeState
poll          procedures that ask the ring for its members and its jobs
diff          the changes between two scenes, as sent to the browser
events        the events between two states
watcher       polls again and again, once for all open pages
call_counts   calls that processes count for Prometheus, and their rates
meter         reads them, once for all open pages
palette       the colour of each node
scene         the elements of a drawing
geometry      points and arcs on the circle
ring_view, route_view, tables, charts, training_view, losses_view, calls_view,
history_view, sites_view, metrics_view   states drawn as scenes
views         the scenes that one page shows
form          the training form, made from the settings and data options of a job
form_widgets  the same form, as widgets
actions       what the page may do: launch, stop, look up, download; and to a lab: kill, pause, cut
guard         access control: Host, Origin and token
connections   limits on connections
messages      what browsers send, checked before it is decoded
failure_log   a filter of the log: each failure once
options       the dashboard's options
choices       what a command line needs to know before anything else is imported
run           everything behind the page
serve         the web server
site          what all open pages share
widgets       the small parts of the page
training_widgets, lookup_widgets, lab_widgets   the tabs with buttons
notices       notices, and the actions that give rise to them
measurement   measures finished jobs
page          the page itself
animation, recording, pictures   the pictures of the documents

All but page, notices, measurement, serve, pictures and the widgets work without the packages of the extra.
"""
