// A toy that keeps events and sessions of several servers, in one process.

package loop_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sioserver/sioserver/rooms"
)

// vault is what the keepers of some servers keep, for one namespace.
type vault struct {
	mu       sync.Mutex
	events   []keptEvent
	sessions map[string]*rooms.Session
	keepers  []*keeper

	held   bool                            // events wait until release
	search func(ctx context.Context) error // before a session is found
	forget bool                            // servers forget what they have seen before each search
}

type keptEvent struct {
	packet *rooms.Packet
	target rooms.Target
}

// keeper implements [rooms.Recoverer].
type keeper struct {
	*spoke
	vault *vault
	after []behind
	seen  int // of the vault's events
}

// behind is what is to be done behind the events before a number.
type behind struct {
	event int
	do    func()
}

func (v *vault) factory(l rooms.Local) (rooms.Adapter, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sessions == nil {
		v.sessions = map[string]*rooms.Session{}
	}
	k := &keeper{spoke: &spoke{&hub{}, l}, vault: v, seen: len(v.events)}
	v.keepers = append(v.keepers, k)
	return k, nil
}

func (k *keeper) BroadcastKept(p *rooms.Packet, t rooms.Target) error {
	k.vault.mu.Lock()
	defer k.vault.mu.Unlock()
	q := *p
	q.Offset = strconv.Itoa(len(k.vault.events))
	k.vault.events = append(k.vault.events, keptEvent{&q, t})
	if k.vault.held {
		return nil
	}
	return k.vault.deliver()
}

// deliver hands out what has not been. The lock is held.
func (v *vault) deliver() (err error) {
	for _, k := range v.keepers {
		for ; k.seen < len(v.events); k.seen++ {
			k.catchUp()
			err = errors.Join(err, k.self.Broadcast(v.events[k.seen].packet, v.events[k.seen].target))
		}
		k.catchUp()
	}
	return err
}

func (k *keeper) catchUp() {
	for len(k.after) > 0 && k.after[0].event <= k.seen {
		k.after[0].do()
		k.after = k.after[1:]
	}
}

func (v *vault) hold() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.held = true
}

func (v *vault) release() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.held = false
	return v.deliver()
}

func (k *keeper) AfterKept(f func()) {
	k.vault.mu.Lock()
	if k.seen < len(k.vault.events) {
		k.after = append(k.after, behind{len(k.vault.events), f})
		k.vault.mu.Unlock()
		return
	}
	k.vault.mu.Unlock()
	f()
}

func (k *keeper) PersistSession(s *rooms.Session, _ time.Duration) error {
	k.vault.mu.Lock()
	defer k.vault.mu.Unlock()
	k.vault.sessions[s.PID] = s
	return nil
}

func (v *vault) has(pid string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sessions[pid] != nil
}

func (k *keeper) RestoreSession(ctx context.Context, pid string) (*rooms.Session, error) {
	k.vault.mu.Lock()
	search := k.vault.search
	if k.vault.forget {
		k.self.Gap()
	}
	k.vault.mu.Unlock()
	if search != nil {
		if err := search(ctx); err != nil {
			return nil, err
		}
	}
	k.vault.mu.Lock()
	defer k.vault.mu.Unlock()
	s := k.vault.sessions[pid]
	delete(k.vault.sessions, pid)
	return s, nil
}

func (k *keeper) Missed(_ context.Context, offset string, f func(*rooms.Packet, rooms.Target) error) (string, error) {
	k.vault.mu.Lock()
	defer k.vault.mu.Unlock()
	i := slices.IndexFunc(k.vault.events, func(e keptEvent) bool {
		if e.packet == nil {
			return false
		}
		order, err := k.Compare(e.packet.Offset, offset)
		return err == nil && order == 0
	})
	if i < 0 {
		return "", rooms.ErrUnknownOffset
	}
	for _, e := range k.vault.events[i+1 : k.seen] {
		if err := f(e.packet, e.target); err != nil {
			return "", err
		}
	}
	return strconv.Itoa(k.seen - 1), nil
}

func (k *keeper) Compare(a, b string) (int, error) {
	i, err1 := strconv.Atoi(a)
	j, err2 := strconv.Atoi(b)
	return i - j, errors.Join(err1, err2)
}
