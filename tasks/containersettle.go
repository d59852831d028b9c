package tasks

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// settleEvery is how often a container that is to keep running is looked at.
const settleEvery = 250 * time.Millisecond

// settled waits whether the container that was started keeps running. One that its
// restart policy has started again has ended, too.
func (c *ContainerTask) settled(ctx context.Context, cli *containerCLI) error {
	enough, cancel := context.WithTimeout(ctx, c.Settle)
	defer cancel()
	for over := false; ; over = sleep(enough, settleEvery) != nil {
		now, err := cli.container(ctx, c.Name)
		if err != nil {
			return err
		}
		if now == nil || !now.State.Running || now.State.Restarting || now.RestartCount > 0 {
			return c.ended(ctx, cli, now)
		}
		if over {
			return nil
		}
	}
}

// ended is the failure of a container that did not keep running.
func (c *ContainerTask) ended(ctx context.Context, cli *containerCLI, now *inspectedContainer) error {
	text := fmt.Sprintf("container %s did not keep running for %s", c.Name, c.Settle)
	if now == nil {
		return &Failure{Msg: text + ": it is gone"}
	}
	data := map[string]any{"id": now.ID}
	if !now.State.Running || now.State.Restarting { // else it is the one that runs now, which has no code yet
		text += fmt.Sprintf(": exit code %d", now.State.ExitCode)
		data["rc"] = now.State.ExitCode
	}
	said := c.lastLogs(ctx, cli)
	data["logs"] = anyList(said)
	for _, line := range said {
		text += "\n" + line
	}
	return &Failure{Msg: text, Data: data}
}

// logLines is how many lines of a container's log an error shows.
const logLines = 5

// lastLogs are the last lines that the container wrote, none where they cannot be had.
func (c *ContainerTask) lastLogs(ctx context.Context, cli *containerCLI) []string {
	out, err := cli.m.Run(ctx, cli.command("logs", fmt.Sprintf("--tail=%d", logLines), c.Name))
	if err != nil || out.Status != 0 {
		return nil
	}
	var lines []string
	for _, stream := range []string{out.Stdout, out.Stderr} {
		for _, line := range textLines(strings.TrimSpace(stream)) {
			lines = append(lines, cut(strings.ToValidUTF8(line, "?"), 200))
		}
	}
	return lines[max(0, len(lines)-logLines):]
}
