// Emit: one event, a batch of them, a stream of them.

package control

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
)

// emitRequest is the body of POST /emit.
type emitRequest struct {
	selector
	Event    string            `json:"event"`
	Args     []json.RawMessage `json:"args,omitempty"`
	Data     json.RawMessage   `json:"data,omitempty"` // one argument
	Volatile bool              `json:"volatile,omitempty"`
	Compress *bool             `json:"compress,omitempty"`
	Conflate string            `json:"conflate,omitempty"` // under slow_consumers.policy conflate: takes the place of one that waits
	ID       string            `json:"id,omitempty"`       // the same again within five minutes is not emitted
	Ack      *ackWish          `json:"ack,omitempty"`      // wait for acknowledgements
	Count    bool              `json:"count,omitempty"`
}

// emitResult is what an emit comes to.
type emitResult struct {
	ID        string `json:"id"`
	Duplicate bool   `json:"duplicate,omitempty"`
	Matched   *int   `json:"matched,omitempty"` // sockets of this node
	*AckResult
}

// maxEventID is how long the id of an emit may be.
const maxEventID = 128

func (x *call) emit() (any, error) {
	var r emitRequest
	if err := x.decode(&r); err != nil {
		return nil, err
	}
	return x.emitOne(&r)
}

// emitOne emits an event, once for each id.
func (x *call) emitOne(r *emitRequest) (*emitResult, error) {
	if len(r.ID) > maxEventID {
		return nil, invalid("id", "it has %d bytes, it may have %d", len(r.ID), maxEventID)
	}
	if r.ID == "" {
		return x.emitNow(r, newID(""))
	}
	name := x.key.name + "\x00" + r.ID
	if !x.recent.begin(name) {
		return &emitResult{ID: r.ID, Duplicate: true}, nil
	}
	result, err := x.emitNow(r, r.ID)
	if err != nil {
		x.recent.forget(name) // so that it can be tried again
	}
	return result, err
}

func (x *call) emitNow(r *emitRequest, id string) (*emitResult, error) {
	o, err := x.operator(&r.selector)
	if err != nil {
		return nil, err
	}
	if r.Event == "" {
		return nil, invalid("event", "it is missing")
	}
	args, err := r.arguments()
	if err != nil {
		return nil, err
	}
	if r.Volatile {
		o = o.Volatile()
	}
	if r.Compress != nil {
		o = o.Compress(*r.Compress)
	}
	if len(r.Conflate) > maxEventID {
		return nil, invalid("conflate", "it has %d bytes, it may have %d", len(r.Conflate), maxEventID)
	}
	o = o.Conflate(r.Conflate)
	result := &emitResult{ID: id}
	if r.Count {
		n := o.Count()
		result.Matched = &n
	}
	if r.Ack != nil {
		result.AckResult, err = x.ask(o, r, args)
	} else {
		err = o.Emit(r.Event, args...)
	}
	if err != nil {
		return nil, err
	}
	x.counts.emits.WithLabelValues(nameOf(r.Namespace), "api").Inc()
	return result, nil
}

// arguments are the arguments of the event.
func (r *emitRequest) arguments() ([]any, error) {
	list := r.Args
	if r.Data != nil {
		if r.Args != nil {
			return nil, invalid("data", "args and data are both there: data is one argument, args is the list of all")
		}
		list = []json.RawMessage{r.Data}
	}
	args := make([]any, len(list))
	for i, raw := range list {
		var err error
		if args[i], err = argument(raw); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// batchRequest is the body of POST /emit/batch.
type batchRequest struct {
	Items    []emitRequest `json:"items"`
	Parallel bool          `json:"parallel,omitempty"` // in no order
}

// batchResult has a result for each item, in their order.
type batchResult struct {
	Results []itemResult `json:"results"`
}

type itemResult struct {
	OK     bool        `json:"ok"`
	Result *emitResult `json:"result,omitempty"`
	Error  *apiError   `json:"error,omitempty"`
}

// The limits of a batch.
const (
	batchItems    = 1000
	batchParallel = 16
)

func (x *call) batch() (any, error) {
	var r batchRequest
	if err := x.decode(&r); err != nil {
		return nil, err
	}
	if len(r.Items) == 0 || len(r.Items) > batchItems {
		return nil, invalid("items", "there are %d, there must be 1 to %d", len(r.Items), batchItems)
	}
	results := make([]itemResult, len(r.Items))
	if !r.Parallel {
		for i := range r.Items {
			results[i] = x.item(&r.Items[i])
		}
		return batchResult{results}, nil
	}
	var wait sync.WaitGroup
	places := make(chan struct{}, batchParallel)
	for i := range r.Items {
		places <- struct{}{}
		wait.Go(func() {
			results[i] = x.item(&r.Items[i])
			<-places
		})
	}
	wait.Wait()
	return batchResult{results}, nil
}

// item emits one of several events.
func (x *call) item(r *emitRequest) itemResult {
	result, err := x.emitOne(r)
	if err != nil {
		return itemResult{Error: toldAs(err)}
	}
	return itemResult{OK: true, Result: result}
}

// stream reads an event from each line and answers with a line for each, as they
// come.
func (x *call) stream() (any, error) {
	control := http.NewResponseController(x.w)
	if err := control.EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	x.w.Header().Set("Content-Type", "application/x-ndjson")
	x.w.WriteHeader(http.StatusOK)
	if err := control.Flush(); err != nil {
		return written, nil
	}
	most := int(x.body.Load())
	lines := bufio.NewReaderSize(x.r.Body, 64<<10)
	out := json.NewEncoder(x.w)
	for {
		line, err := readLine(lines, most)
		if len(line) > 0 || err != nil && err != io.EOF {
			if out.Encode(x.line(line, err)) != nil {
				return written, nil
			}
		}
		if err != nil {
			return written, nil
		}
		if lines.Buffered() == 0 && control.Flush() != nil {
			return written, nil
		}
	}
}

// line emits the event of a line of a stream.
func (x *call) line(line []byte, err error) itemResult {
	if err != nil && err != io.EOF {
		return itemResult{Error: toldAs(err)}
	}
	if err := x.key.spend(1); err != nil {
		return itemResult{Error: toldAs(err)}
	}
	var r emitRequest
	if err := decode(line, &r); err != nil {
		return itemResult{Error: toldAs(err)}
	}
	return x.item(&r)
}

// readLine reads a line of so many bytes at most, without the space around it.
func readLine(r *bufio.Reader, most int) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if line = append(line, part...); len(line) > most {
			return nil, fail(codeTooLarge, "a line has more than the %d bytes of limits.api_body", most)
		}
		if err != bufio.ErrBufferFull {
			if err != nil && err != io.EOF {
				err = bodyError(err)
			}
			return bytes.TrimSpace(line), err
		}
	}
}

// nameOf is a namespace as it is told.
func nameOf(namespace string) string {
	if namespace == "" {
		return "/"
	}
	return namespace
}
