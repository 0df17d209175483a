package main

import (
	"errors"
	"io"

	"github.com/quic-go/quic-go"
)

// A stream of raw QUIC, whose directions end each by itself. `receive` or `send` is nil where there is one only.
type rawStream struct {
	*stream
	receive quic.ReceiveStream
	send    quic.SendStream
}

func (s *rawStream) begin() {
	if s.receive != nil {
		go s.receiveAll()
	}
	if s.send != nil {
		go s.sendAll()
		go s.watch()
	}
}

func (s *rawStream) command(kind byte, payload []byte) {
	switch kind {
	case 'D':
		s.put(payload)
	case 'E':
		s.end()
	case 'R':
		s.send.CancelWrite(quic.StreamErrorCode(codeOf(payload)))
	case 'S':
		s.receive.CancelRead(quic.StreamErrorCode(codeOf(payload)))
	}
}

func (s *rawStream) receiveAll() {
	buffer := make([]byte, readBytes)
	for {
		s.waitWhileHeld()
		n, err := s.receive.Read(buffer)
		if n > 0 {
			s.leader.tell('d', s.id, buffer[:n])
		}
		if err == io.EOF {
			s.leader.tell('e', s.id, nil)
			return
		}
		if err != nil {
			s.tellOf('r', err)
			return
		}
	}
}

func (s *rawStream) sendAll() {
	for {
		data, more := s.next()
		if !more {
			s.send.Close()
			return
		}
		if _, err := s.send.Write(data); err != nil {
			return
		}
		s.leader.tellJSON('w', s.id, len(data))
	}
}

// Tells when the other side wants no more, for which nothing needs to be written.
func (s *rawStream) watch() {
	<-s.send.Context().Done()
	_, err := s.send.Write([]byte{0})
	s.tellOf('s', err)
}

// What the other side did, and not this one, nor the end of the connection.
func (s *rawStream) tellOf(kind byte, err error) {
	var broken *quic.StreamError
	if errors.As(err, &broken) && broken.Remote {
		s.leader.tellJSON(kind, s.id, uint64(broken.ErrorCode))
	}
}
