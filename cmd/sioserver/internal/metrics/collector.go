// The collector: the counters of the server, asked for when somebody looks.

package metrics

import (
	"context"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sioserver/sioserver/loop"
)

// desc describes a metric of the server.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("sioserver_"+name, help, labels, nil)
}

// What the collector tells.
var (
	connections       = desc("connections", "Engine.IO sessions, by what carries them.", "transport")
	connectionsOpened = desc("connections_opened_total", "Engine.IO sessions that began, by what carried them first.", "transport")
	connectionsClosed = desc("connections_closed_total", "Engine.IO sessions that ended, by what carried them last and why.", "transport", "reason")
	tcpConnections    = desc("tcp_connections", "Open connections of the client plane.")
	tcpOpened         = desc("tcp_connections_opened_total", "Connections of the client plane that were opened.")
	maxConnections    = desc("max_connections", "Connections at which new ones are refused.")
	handshakes        = desc("handshakes_total", "Handshakes of Engine.IO that opened a session, or were refused for a limit or a drain.", "result")
	tlsHandshakes     = desc("tls_handshakes_total", "Handshakes of TLS.", "result")
	upgrades          = desc("upgrades_total", "Upgrades from polling to websocket.", "result")
	sockets           = desc("sockets", "Sockets in a namespace.", "namespace")
	connects          = desc("socket_connects_total", "Sockets that have connected to a namespace.", "namespace")
	refusals          = desc("socket_refusals_total", "Joins of namespaces that were refused.")
	users             = desc("users", "Users with a socket in a namespace of this node, looked at every ten seconds.", "namespace")
	roomCount         = desc("rooms", "Rooms with members on this node, looked at every ten seconds.", "namespace")
	memberships       = desc("room_memberships", "Rooms of all sockets together, looked at every ten seconds.", "namespace")
	messages          = desc("messages_total", "Messages of Engine.IO.", "direction")
	bytesTotal        = desc("bytes_total", "Bytes of the client plane, with what frames and HTTP add.", "direction")
	writes            = desc("writes_total", "Writes to connections.")
	events            = desc("events_received_total", "Events from clients.")
	unhandled         = desc("events_unhandled_total", "Events from clients for which there is no handler.")
	deliveries        = desc("deliveries_total", "Receivers of broadcasts.")
	acks              = desc("acks_total", "Acknowledgements from clients that somebody waited for, by what came of them.", "direction", "result")
	ackDuration       = desc("ack_duration_seconds", "How long clients took for acknowledgements that came.", "direction")
	recipients        = desc("broadcast_recipients", "Sockets of this node to which a broadcast went.")
	dropped           = desc("messages_dropped_total", "Messages that were not sent.", "reason")
	queueBytes        = desc("send_queue_bytes", "Bytes that wait for clients, looked at every ten seconds.")
	queueMax          = desc("send_queue_max_bytes", "Bytes that wait for the slowest client, looked at every ten seconds.")
	queueClients      = desc("send_queue_clients", "Clients for which something waits, looked at every ten seconds.")
	slow              = desc("slow_consumers_total", "Clients that did not keep up, and those that were closed for it or to free memory.", "action")
	limitHits         = desc("limit_hits_total", "Limits that clients have run into.", "limit")
	rejections        = desc("limit_rejections_total", "Connections that were refused.", "limit")
	memoryPressure    = desc("memory_pressure", "Share of the memory that is in use, as the overload gate sees it.", "source")
	overloadState     = desc("overload_state", "1 while connections are refused because of overload.")
	draining          = desc("draining", "1 while the server drains.")
	drainRemaining    = desc("drain_remaining_connections", "Clients that are still to go.")
	loopLag           = desc("loop_lag_seconds", "How far an event loop is behind, measured once a second.", "loop")
	loopConnections   = desc("loop_connections", "Connections of an event loop.", "loop")
	loopEvents        = desc("loop_events_total", "Events from clients, by event loop.", "loop")
	recoveries        = desc("recoveries_total", "Clients that came back as the socket they were, or could not.", "result")
	compressed        = desc("compression_bytes_total", "Bytes before and after compression.", "what", "stage")
	uringSends        = desc("io_uring_sends_total", "Writes by io_uring.")
	panics            = desc("panics_total", "Panics that were caught.")
	restarts          = desc("loop_restarts_total", "Times that the event loops ended unasked and were started again.")
	clusterNodes      = desc("cluster_nodes", "Nodes of the cluster, this one included, looked at every ten seconds.")
	certificateExpiry = desc("tls_certificate_expiry_timestamp_seconds", "Until when the certificate is valid, Unix time.", "name")
	reloads           = desc("config_reloads_total", "Times that the configuration was read again.", "result")
	lastReload        = desc("config_last_reload_success", "0 if the last try to read the configuration again failed.")
	scrapeErrors      = desc("scrape_incomplete", "1 if the event loops did not tell their counters in time.")
)

var allDescs = []*prometheus.Desc{
	connections, connectionsOpened, connectionsClosed, tcpConnections, tcpOpened, maxConnections, handshakes, tlsHandshakes,
	upgrades, sockets, connects, refusals, users, roomCount, memberships, messages, bytesTotal, writes, events, unhandled, deliveries, acks, ackDuration, recipients,
	dropped, queueBytes, queueMax, queueClients, slow, limitHits, rejections, memoryPressure, overloadState, draining,
	drainRemaining, loopLag, loopConnections, loopEvents, recoveries, compressed, uringSends, panics, restarts, clusterNodes,
	certificateExpiry, reloads, lastReload, scrapeErrors,
}

// collector implements [prometheus.Collector].
type collector struct{ m *Metrics }

// Describe implements [prometheus.Collector].
func (collector) Describe(c chan<- *prometheus.Desc) {
	for _, d := range allDescs {
		c <- d
	}
}

// telling sends metrics.
type telling chan<- prometheus.Metric

func (t telling) gauge(d *prometheus.Desc, v float64, labels ...string) {
	t <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (t telling) count(d *prometheus.Desc, v uint64, labels ...string) {
	t <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

func (t telling) histogram(d *prometheus.Desc, h loop.Histogram, labels ...string) {
	total, below := uint64(0), map[float64]uint64{}
	for i, n := range h.Counts {
		if total += n; i < len(h.Bounds) {
			below[h.Bounds[i]] = total
		}
	}
	t <- prometheus.MustNewConstHistogram(d, total, h.Sum, below, labels...)
}

// flag is 1 for yes.
func flag(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(out chan<- prometheus.Metric) {
	m, t := c.m, telling(out)
	if m.node == nil {
		return // not started
	}
	s := m.node.Server
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	st, err := s.Stats(ctx)
	t.gauge(scrapeErrors, flag(err != nil))
	t.gauge(tcpConnections, float64(st.Connections))
	t.gauge(maxConnections, float64(m.node.MaxConnections()))
	t.gauge(draining, flag(s.Draining()))
	if err == nil {
		t.stats(&st)
	}
	t.node(m)
	t.sampled(m)
}

// stats tells the counters of the server.
func (t telling) stats(st *loop.Stats) {
	for name, x := range st.Transports {
		t.gauge(connections, float64(x.Sessions), name)
		t.count(connectionsOpened, x.Opened, name)
		for reason, n := range x.Closed {
			t.count(connectionsClosed, n, name, string(reason))
		}
	}
	t.count(tcpOpened, st.ConnectionsOpened)
	t.count(handshakes, st.SessionsOpened, "opened")
	t.count(handshakes, st.RefusedAdmission, "refused")
	t.count(tlsHandshakes, st.TLSHandshakes, "ok")
	t.count(tlsHandshakes, st.TLSFailures, "failed")
	t.count(upgrades, st.Upgrades, "ok")
	t.count(upgrades, st.LimitHits["upgrade_time"], "timeout")
	t.count(refusals, st.Refusals)
	t.count(messages, st.MessagesIn, "in")
	t.count(messages, st.MessagesOut, "out")
	t.count(bytesTotal, st.BytesIn, "in")
	t.count(bytesTotal, st.BytesOut, "out")
	t.count(writes, st.Writes)
	t.count(events, st.Events)
	t.count(unhandled, st.EventsUnhandled)
	t.count(deliveries, st.Deliveries)
	t.count(acks, st.Acks, "in", "ok")
	t.count(acks, st.AckTimeouts, "in", "timeout")
	t.count(acks, st.AckDisconnects, "in", "disconnected")
	t.histogram(ackDuration, st.AckSeconds, "in")
	t.histogram(recipients, st.BroadcastReceivers)
	t.count(dropped, st.VolatileDropped, "volatile")
	cut := uint64(0)
	for _, limit := range []string{"outbound", "outbound_burst", "stall", "buffered", "buffered_burst"} {
		cut += st.LimitHits[limit]
	}
	t.count(slow, cut, "disconnect")
	t.count(slow, st.SlowClients, "detected")
	for policy, n := range st.SlowDropped {
		t.count(dropped, n, policy)
	}
	for limit, n := range st.LimitHits {
		t.count(limitHits, n, limit)
	}
	t.count(rejections, st.ConnectionsRefused, "max_connections_closed")
	for i, l := range st.Loops {
		name := strconv.Itoa(i)
		t.gauge(loopConnections, float64(l.Connections), name)
		t.count(loopEvents, l.Events, name)
	}
	t.count(recoveries, st.Recovered, "recovered")
	for why, n := range st.RecoveryFailures {
		t.count(recoveries, n, why)
	}
	for _, x := range []struct {
		what   string
		before uint64
		after  uint64
	}{{"polling", st.CompressedIn, st.CompressedOut}, {"websocket_out", st.DeflatedIn, st.DeflatedOut}, {"websocket_in", st.InflatedOut, st.InflatedIn}} {
		t.count(compressed, x.before, x.what, "plain")
		t.count(compressed, x.after, x.what, "compressed")
	}
	t.count(uringSends, st.IOUring.Sends)
	t.count(panics, st.Panics)
	t.count(restarts, st.Restarts)
}

// node tells what the gate and the drain know.
func (t telling) node(m *Metrics) {
	r := m.node.Reloads()
	t.count(reloads, r.Succeeded, "ok")
	t.count(reloads, r.Failed, "failed")
	t.gauge(lastReload, flag(r.LastOK))
	if g := m.opts.Gate; g != nil {
		for limit, n := range g.Rejections() {
			t.count(rejections, n, limit)
		}
		t.count(slow, g.Shed(), "shed")
		share, source := g.Memory()
		t.gauge(memoryPressure, share, source)
		t.gauge(overloadState, flag(g.Overloaded() != ""))
		for i, lag := range g.Lags() {
			t.gauge(loopLag, lag.Seconds(), strconv.Itoa(i))
		}
	}
	if m.opts.Drain != nil {
		t.gauge(drainRemaining, float64(m.opts.Drain().Remaining))
	}
}

// sampled tells what was seen in the background.
func (t telling) sampled(m *Metrics) {
	x := m.sample.get()
	for _, name := range m.node.Config().NamespaceNames() {
		ns := m.node.Server.Of(name)
		t.gauge(sockets, float64(ns.ConnectedSockets()), name)
		t.count(connects, ns.Connects(), name)
		n := x.namespaces[name]
		t.gauge(users, float64(n.users), name)
		t.gauge(roomCount, float64(n.rooms), name)
		t.gauge(memberships, float64(n.memberships), name)
	}
	longest := 0
	if len(x.queues.Longest) > 0 {
		longest = x.queues.Longest[0].Buffered
	}
	t.gauge(queueBytes, float64(x.queues.Bytes))
	t.gauge(queueMax, float64(longest))
	t.gauge(queueClients, float64(x.queues.Clients))
	t.gauge(clusterNodes, float64(max(x.nodes, 1)))
	if x.expiry > 0 {
		t.gauge(certificateExpiry, x.expiry, "server.tls")
	}
}
