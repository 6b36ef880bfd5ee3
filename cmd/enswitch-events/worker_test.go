package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// workerName is what the program of a worker is called in the PATH.
const workerName = "enswitch-events-worker"

// worker is a process that runs the program again and again, within itself. To start a
// process takes ten times as long as a short run, so what is not about the process
// (its start, signals, files as its streams, the time zone, the proxy) runs in a
// worker. Its directory and its environment are those of the run.
type worker struct {
	cmd  *exec.Cmd
	jobs *json.Encoder
	done *json.Decoder
	in   io.Closer
	said bytes.Buffer // what does not belong to a run, such as a panic
}

// job is a run of the program.
type job struct {
	Dir       string
	Env, Args []string
}

// outcome is what became of it.
type outcome struct {
	Code        int
	Stdout, Err []byte
}

// workers are those that have nothing to do.
var workers struct {
	sync.Mutex
	idle []*worker
}

// runInWorker runs the program to its end.
func runInWorker(j job) (o outcome, err error) {
	workers.Lock()
	var w *worker
	if n := len(workers.idle); n > 0 {
		w, workers.idle = workers.idle[n-1], workers.idle[:n-1]
	}
	workers.Unlock()
	if w == nil {
		if w, err = startWorker(); err != nil {
			return o, err
		}
	}
	if err = w.jobs.Encode(j); err == nil {
		err = w.done.Decode(&o)
	}
	if err != nil {
		return o, fmt.Errorf("%q: %w", j.Args, errors.Join(err, w.end()))
	}
	workers.Lock()
	defer workers.Unlock()
	workers.idle = append(workers.idle, w)
	return o, nil
}

func startWorker() (*worker, error) {
	w := &worker{cmd: exec.Command(workerName)}
	w.cmd.Env = append(os.Environ(), "TZ=UTC", exitAtOnce)
	w.cmd.Stderr = &w.said
	in, err := w.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.in, w.jobs, w.done = in, json.NewEncoder(in), json.NewDecoder(out)
	return w, w.cmd.Start()
}

// end has the process end and returns what was wrong with it.
func (w *worker) end() error {
	w.in.Close()
	if err := w.cmd.Wait(); err != nil || w.said.Len() > 0 {
		return fmt.Errorf("the worker: %w: %s", err, &w.said)
	}
	return nil
}

// work is the main function of a worker.
func work() {
	jobs, done := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var j job
		if err := jobs.Decode(&j); err == io.EOF {
			os.Exit(0)
		} else if err != nil {
			panic(err)
		}
		o, err := j.run()
		if err == nil {
			err = done.Encode(o)
		}
		if err != nil {
			panic(err)
		}
	}
}

// run runs the program in this process. Its streams are pipes, as of a process, and
// its standard input is empty.
func (j *job) run() (o outcome, err error) {
	if err := os.Chdir(j.Dir); err != nil {
		return o, err
	}
	os.Clearenv()
	for _, v := range j.Env {
		name, value, _ := bytes.Cut([]byte(v), []byte("="))
		if err := os.Setenv(string(name), string(value)); err != nil {
			return o, err
		}
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return o, err
	}
	defer null.Close()
	var reading sync.WaitGroup
	collect := func(text *[]byte) (*os.File, error) {
		r, w, err := os.Pipe()
		if err == nil {
			reading.Go(func() {
				*text, _ = io.ReadAll(r)
				r.Close()
			})
		}
		return w, err
	}
	stdout, err := collect(&o.Stdout)
	if err != nil {
		return o, err
	}
	stderr, err := collect(&o.Err)
	if err != nil {
		return o, err
	}
	o.Code = run(context.Background(), j.Args, cli.Streams{In: cli.NewStream(null), Out: cli.NewStream(stdout), Err: cli.NewStream(stderr)})
	stdout.Close()
	stderr.Close()
	reading.Wait()
	return o, nil
}

// withWorkers runs tests and ends the workers after them.
type withWorkers struct{ *testing.M }

// Run returns the exit code of the tests, 1 if something was wrong with a worker.
func (m withWorkers) Run() int {
	code := m.M.Run()
	for _, w := range workers.idle {
		if err := w.end(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}
