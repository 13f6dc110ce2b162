// Command operator stands for an operator that deploys an agent as a DaemonSet. It is here for
// its tests: operator_test.go tries what the operator renders on a simulated cluster, with
// package daemontest. As a program it prints the DaemonSet of a spec:
//
//	go run ./examples/operator -version 1.4.0 -pool web
//
// The output may be given to kubectl apply -f -. operator.go is the operator.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	var spec Spec
	flag.StringVar(&spec.Version, "version", "1.4.0", "the version of the agent")
	flag.StringVar(&spec.Pool, "pool", "", "the pool of nodes, that is the value of their label "+PoolLabel+"; empty for all nodes")
	flag.StringVar(&spec.Parallel, "parallel", "1", "how many nodes to update at once, as a number or percentage")
	flag.Parse()
	if err := write(os.Stdout, spec); err != nil {
		log.Fatal(err)
	}
}

// write prints the DaemonSet of a spec as JSON.
func write(w io.Writer, spec Spec) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(DaemonSet(spec))
}
