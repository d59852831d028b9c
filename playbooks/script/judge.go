package script

import (
	"context"
	"fmt"

	"netrun/templates"
)

// attempts runs a task, again while until does not hold.
func (r *runner) attempts(ctx context.Context, n *Node, rd round) outcome {
	for i := 1; ; i++ {
		o := r.judged(ctx, n, rd)
		if len(n.Until) == 0 || o.status == Skipped || o.blind {
			return o
		}
		holds, err := r.holds(n, n.Until, rd, o)
		if err != nil {
			return failure(err)
		}
		if i > 1 {
			o.attempts = i
		}
		if holds {
			return o
		}
		if i > n.Retries {
			if o.status != Failed {
				o.err = fmt.Errorf("until does not hold after %d attempts: %s", i, n.Until[0].Source)
				o.msg, o.status = o.err.Error(), Failed
			}
			return o
		}
		if err := r.env.options.Clock.Sleep(ctx, n.Delay); err != nil {
			return failure(err)
		}
	}
}

// judged runs a task and asks failed_when and changed_when.
func (r *runner) judged(ctx context.Context, n *Node, rd round) outcome {
	o := r.timed(ctx, n, rd)
	if o.status == Skipped || o.blind {
		return o
	}
	if len(n.FailedWhen) > 0 {
		holds, err := r.holds(n, n.FailedWhen, rd, o)
		if err != nil {
			return failure(err)
		}
		o = o.failedBy(holds, n)
	}
	if len(n.ChangedWhen) > 0 && o.status != Failed {
		holds, err := r.holds(n, n.ChangedWhen, rd, o)
		if err != nil {
			return failure(err)
		}
		o.status = map[bool]Status{true: Changed, false: OK}[holds]
	}
	return o
}

// failedBy applies what failed_when says; a failure that it does not name is none.
// A program that ran has changed something, for all that netrun knows; whatever else
// went wrong has not happened.
func (o outcome) failedBy(holds bool, n *Node) outcome {
	switch {
	case holds && o.status != Failed:
		o.err = fmt.Errorf("failed_when: %s", n.FailedWhen[0].Source)
		o.status, o.msg = Failed, o.err.Error()
	case !holds && o.status == Failed:
		o.status, o.err, o.msg = OK, nil, ""
		if o.data != nil && (n.Kind == "command" || n.Kind == "shell") {
			o.status = Changed
		}
	}
	return o
}

// holds evaluates conditions about a result, which has the name of register meanwhile.
func (r *runner) holds(n *Node, conditions []*templates.Condition, rd round, o outcome) (bool, error) {
	scope := rd.scope
	if n.Register != "" {
		scope = scope.Over(map[string]any{n.Register: r.registered(n, o)})
	}
	for _, c := range conditions {
		if ok, err := c.Holds(scope); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (r *runner) timed(ctx context.Context, n *Node, rd round) outcome {
	if n.Timeout <= 0 {
		return r.attempt(ctx, n, rd)
	}
	limited, cancel := context.WithTimeoutCause(ctx, n.Timeout, fmt.Errorf("timed out after %s", n.Timeout))
	defer cancel()
	o := r.attempt(limited, n, rd)
	if o.status == Failed && limited.Err() != nil && ctx.Err() == nil {
		o.err = context.Cause(limited)
		o.msg = o.err.Error()
	}
	return o
}
