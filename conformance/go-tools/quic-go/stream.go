package main

import (
	"errors"
	"io"
	"sync"

	"github.com/quic-go/quic-go"
)

const readBytes = 64 * 1024

// One request stream: what is to be sent waits in a queue, as writing blocks while the other side takes
// nothing; reading pauses while the leader says so, which leaves the window of flow control as it is.
type stream struct {
	id     uint32
	leader *leader

	mutex   sync.Mutex
	changed *sync.Cond
	queue   [][]byte
	ended   bool
	broken  bool
	held    bool
}

func newStream(id uint32, l *leader) *stream {
	s := &stream{id: id, leader: l}
	s.changed = sync.NewCond(&s.mutex)
	return s
}

func (s *stream) change(change func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change()
	s.changed.Broadcast()
}

func (s *stream) put(data []byte) { s.change(func() { s.queue = append(s.queue, data) }) }
func (s *stream) end()            { s.change(func() { s.ended = true }) }
func (s *stream) breakOff()       { s.change(func() { s.broken = true }) }
func (s *stream) hold(held bool)  { s.change(func() { s.held = held }) }

// The next data to be sent; none: there is no more, or nobody wants it.
func (s *stream) next() ([]byte, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for len(s.queue) == 0 && !s.ended && !s.broken {
		s.changed.Wait()
	}
	if s.broken || len(s.queue) == 0 {
		return nil, false
	}
	data := s.queue[0]
	s.queue = s.queue[1:]
	return data, true
}

func (s *stream) isBroken() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.broken
}

func (s *stream) waitWhileHeld() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for s.held && !s.broken {
		s.changed.Wait()
	}
}

// Tells of all that comes, and of the end.
func (s *stream) readAll(from io.Reader) {
	buffer := make([]byte, readBytes)
	for {
		s.waitWhileHeld()
		n, err := from.Read(buffer)
		if n > 0 {
			s.leader.tell('d', s.id, buffer[:n])
		}
		if err == io.EOF {
			s.leader.tell('e', s.id, nil)
			return
		}
		if err != nil {
			s.tellReset(err)
			return
		}
	}
}

// Sends what is put, until the end; true: it was sent whole.
func (s *stream) writeAll(write func([]byte) error) bool {
	for {
		data, more := s.next()
		if !more {
			return !s.isBroken()
		}
		if err := write(data); err != nil {
			s.tellStopped(err)
			return false
		}
		s.leader.tellJSON('w', s.id, len(data))
	}
}

func (s *stream) tellReset(err error) {
	if !s.isBroken() {
		s.leader.tellJSON('r', s.id, streamCode(err))
	}
}

func (s *stream) tellStopped(err error) {
	if !s.isBroken() {
		s.leader.tellJSON('s', s.id, streamCode(err))
	}
}

// The code of the reset that an error is; -1: it is none, but the end of the connection, for example.
func streamCode(err error) int64 {
	var streamErr *quic.StreamError
	if errors.As(err, &streamErr) {
		return int64(streamErr.ErrorCode)
	}
	return -1
}
