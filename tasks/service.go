package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Service is a service of the host's service manager.
type Service struct {
	Name    string `arg:"name,required" doc:"name of the service"`
	State   string `arg:"state" choices:"started,stopped,restarted,reloaded" doc:"restarted and reloaded act each time; unset, only enabled counts"`
	Enabled *bool  `arg:"enabled" doc:"whether it starts at boot"`
}

func init() {
	Register(Kind{Name: "service", Short: "start, stop, restart or enable a service", Free: "name", New: func() Task { return new(Service) }})
}

// Check implements Task.
func (s *Service) Check() error {
	var errs []error
	ok := s.Name != "" && s.Name[0] != '-' && s.Name[0] != '.' && len(s.Name) < 256
	for _, r := range s.Name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.@:\\", r))
	}
	if !ok {
		errs = append(errs, Wrong("name", "%q is not the name of a service", s.Name))
	}
	if s.State == "" && s.Enabled == nil {
		errs = append(errs, Wrong("state", "what about it? give state, enabled or both"))
	}
	return errors.Join(errs...)
}

// verbs are what a service manager is told for each state.
var verbs = map[string]string{"started": "start", "stopped": "stop", "restarted": "restart", "reloaded": "reload"}

// steps are the verbs that bring the service to where it is wanted.
func (s *Service) steps(ctx context.Context, m Machine, manager serviceManager) ([]string, error) {
	var steps []string
	switch s.State {
	case "restarted", "reloaded":
		steps = append(steps, verbs[s.State])
	case "started", "stopped":
		running, err := manager.running(ctx, m, s.Name)
		if err != nil {
			return nil, err
		}
		if running != (s.State == "started") {
			steps = append(steps, verbs[s.State])
		}
	}
	if s.Enabled == nil {
		return steps, nil
	}
	enabled, err := manager.enabled(ctx, m, s.Name)
	if err != nil {
		return nil, err
	}
	switch {
	case enabled && !*s.Enabled:
		steps = append(steps, "disable")
	case !enabled && *s.Enabled:
		steps = append(steps, "enable")
	}
	return steps, nil
}

// Needed implements Act.
func (s *Service) Needed(ctx context.Context, m Machine) (string, error) {
	manager, err := findServiceManager(diskOf(m))
	if err != nil {
		return "", err
	}
	steps, err := s.steps(ctx, m, manager)
	for i, step := range steps {
		steps[i] = step + " " + s.Name
	}
	return strings.Join(steps, ", "), err
}

// Do implements Act.
func (s *Service) Do(ctx context.Context, m Machine) (Outcome, error) {
	manager, err := findServiceManager(diskOf(m))
	if err != nil {
		return Outcome{}, err
	}
	steps, err := s.steps(ctx, m, manager)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Data: map[string]any{"name": s.Name, "state": s.State}}
	for _, step := range steps {
		if _, err := runTool(ctx, m, manager.command(step, s.Name)...); err != nil {
			return out, fmt.Errorf("%s service %s: %w", step, s.Name, err)
		}
		out.Changed = true
	}
	return out, nil
}
