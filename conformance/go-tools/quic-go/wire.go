// The frames between this program and who leads it: kind (1 octet), id (4), length (4), payload.
// What the kinds mean stands in ../../peers/aioquic_peer.py.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"sync"
)

const headBytes = 9

type leader struct {
	mutex sync.Mutex
	out   *bufio.Writer
}

func newLeader() *leader {
	return &leader{out: bufio.NewWriterSize(os.Stdout, 1<<17)}
}

func (l *leader) tell(kind byte, id uint32, payload []byte) {
	var head [headBytes]byte
	head[0] = kind
	binary.BigEndian.PutUint32(head[1:], id)
	binary.BigEndian.PutUint32(head[5:], uint32(len(payload)))
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.out.Write(head[:])
	l.out.Write(payload)
	l.out.Flush()
}

func (l *leader) tellJSON(kind byte, id uint32, value any) {
	payload, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	l.tell(kind, id, payload)
}

// A connection is over; quic-go of this version does not say by which code.
func (l *leader) tellClosed(id uint32, reason string) {
	l.tellJSON('x', id, map[string]any{"code": -1, "reason": reason})
}

// Calls `take` for each command, until there are no more.
func readCommands(take func(kind byte, id uint32, payload []byte)) {
	in := bufio.NewReaderSize(os.Stdin, 1<<17)
	var head [headBytes]byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[5:]))
		if _, err := io.ReadFull(in, payload); err != nil {
			return
		}
		take(head[0], binary.BigEndian.Uint32(head[1:]), payload)
	}
}

type message struct {
	Connection uint32      `json:"connection"`
	Headers    [][2]string `json:"headers"`
	End        bool        `json:"end"`
}

func messageOf(payload []byte) message {
	var m message
	if err := json.Unmarshal(payload, &m); err != nil {
		panic(err)
	}
	return m
}

func codeOf(payload []byte) uint64 {
	var code uint64
	json.Unmarshal(payload, &code)
	return code
}

// The value of a field; empty when there is none.
func (m *message) field(name string) string {
	for _, pair := range m.Headers {
		if pair[0] == name {
			return pair[1]
		}
	}
	return ""
}
