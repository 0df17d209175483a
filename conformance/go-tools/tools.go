//go:build tools

// The programs of others that conformance runs, at fixed versions. Nothing here is part of the
// gateway; `.ci/run` builds them into `.cache/tools`.
package tools

import (
	_ "github.com/summerwind/h2spec/cmd/h2spec"
	_ "google.golang.org/grpc/interop/client"
	_ "google.golang.org/grpc/interop/server"
)
