// The table of endpoints.

package control

// Parameters that several lists have.
var (
	inNamespace = param{"namespace", "the namespace; the default is /"}
	pageLimit   = param{"limit", "items at most, 1 to 1000; the default is 50"}
	pageCursor  = param{"cursor", "next of the page before"}
)

// endpoints is everything below /api/v1.
func (c *Control) endpoints() []endpoint {
	return []endpoint{
		{"POST", "/emit", scopeEmit, "Emit an event.", nil, emitRequest{}, emitResult{}, (*call).emit},
		{"POST", "/emit/batch", scopeEmit, "Emit up to 1,000 events.", nil, batchRequest{}, batchResult{}, (*call).batch},
		{"POST", "/emit/stream", scopeEmit, "Emit an event for each line of the body (NDJSON); a line of the answer for each, in order.", nil, emitRequest{}, itemResult{}, (*call).stream},
		{"POST", "/join", scopeManage, "Put sockets into rooms.", nil, membersRequest{}, matched{}, (*call).join},
		{"POST", "/leave", scopeManage, "Take sockets out of rooms.", nil, membersRequest{}, matched{}, (*call).leave},
		{"POST", "/disconnect", scopeManage, "Disconnect sockets for good (kick), or so that they come back (reconnect).", nil, disconnectRequest{}, matched{}, (*call).disconnect},
		{"POST", "/revoke", scopeManage, "Take back a token, or all tokens of a user, on all nodes.", nil, revokeRequest{}, matched{}, (*call).revoke},
		{"GET", "/sockets", scopeRead, "List sockets of this node.", []param{
			inNamespace,
			{"room", "only members of this room"},
			{"user", "only sockets of this user"},
			{"ip", "only sockets from this address"},
			{"sort", "pending: most bytes waiting first; connected_at: newest first"},
			pageLimit, pageCursor,
		}, nil, listed[socketItem]{}, (*call).sockets},
		{"GET", "/sockets/{sid}", scopeRead, "Tell of one socket of this node.", []param{{"sample_ms", "measure its rates for so long, 100 to 10000; else they are those since the connect"}}, nil, socketItem{}, (*call).socket},
		{"GET", "/rooms", scopeRead, "List rooms of this node, by name.", []param{
			inNamespace, {"prefix", "only rooms whose names begin so"}, {"min_sockets", "only rooms with so many sockets"}, pageLimit, pageCursor,
		}, nil, listed[roomItem]{}, (*call).rooms},
		{"GET", "/rooms/{room}", scopeRead, "Tell of one room.", []param{inNamespace}, nil, roomItem{}, (*call).room},
		{"GET", "/rooms/{room}/members", scopeRead, "List who is in a room, by user.", []param{inNamespace, pageLimit, pageCursor}, nil, listed[memberItem]{}, (*call).roomMembers},
		{"GET", "/users", scopeRead, "Tell which of some users are online, on all nodes; without ids, list those of this node, by name.", []param{
			{"ids", "the users, with commas between them"}, inNamespace, {"prefix", "only users whose names begin so"}, pageLimit, pageCursor,
		}, nil, listed[userItem]{}, (*call).users},
		{"GET", "/users/{id}", scopeRead, "Tell whether a user is online, on all nodes.", nil, nil, userItem{}, (*call).user},
		{"POST", "/users/{id}/disconnect", scopeManage, "Disconnect a user.", nil, userDisconnect{}, matched{}, (*call).disconnectUser},
		{"GET", "/stats", scopeRead, "The numbers of this node.", nil, nil, statsResult{}, (*call).stats},
		{"GET", "/namespaces", scopeRead, "The namespaces, with their sizes on this node.", nil, nil, listed[namespaceItem]{}, (*call).namespaces},
		{"GET", "/nodes", scopeRead, "This node, and how many there are.", nil, nil, nodesResult{}, (*call).nodes},
		{"GET", "/slow", scopeRead, "The clients for which most waits.", []param{pageLimit}, nil, slowResult{}, (*call).slow},
		{"GET", "/webhooks", scopeAdmin, "The webhooks, and what waits for them.", nil, nil, nil, (*call).webhooks},
		{"POST", "/webhooks/{name}/retry", scopeAdmin, "Try what waits for a webhook now.", nil, nil, nil, (*call).retryWebhook},
		{"GET", "/events", scopeAdmin, "What happens, live, as server-sent events.", []param{
			{"types", "types of events with commas between them, * for a part"},
			{"namespace", "only of this namespace"},
			{"user", "only of this user"},
			{"sid", "only of this socket"},
			{"room", "only of this room"},
			{"event", "only events of clients with this name, * for a part"},
			{"sample", "a share of what is left, such as 1/100"},
		}, nil, nil, (*call).events},
		{"POST", "/admin/reload", scopeAdmin, "Read the configuration again.", nil, nil, nil, (*call).reload},
		{"POST", "/admin/drain", scopeAdmin, "Send all clients away and end.", nil, drainRequest{}, DrainStatus{}, (*call).drain},
		{"GET", "/admin/drain", scopeAdmin, "How far the drain is.", nil, nil, DrainStatus{}, (*call).drainStatus},
		{"DELETE", "/admin/drain", scopeAdmin, "Go back into service.", nil, nil, DrainStatus{}, (*call).undrain},
		{"POST", "/admin/log-level", scopeAdmin, "Change the level of the log.", nil, levelRequest{}, levelResult{}, (*call).logLevel},
		{"GET", "/openapi.json", scopeNone, "This API as an OpenAPI document.", nil, nil, nil, (*call).openAPI},
		{"GET", "/docs", scopeNone, "This API as a page.", nil, nil, nil, (*call).docs},
	}
}
