package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Image is an image of Docker or podman.
type Image struct {
	Name    string   `arg:"name,required" doc:"image, as docker pull takes it"`
	Src     string   `arg:"src" doc:"archive on the controller to take it from, relative to the role's files folder or to the playbook; 64 MiB at most"`
	Path    FilePath `arg:"path" doc:"archive on the host to take it from"`
	Import  bool     `arg:"import" doc:"the archive is the root file system of a container, not what docker save wrote"`
	Runtime string   `arg:"runtime" default:"auto" choices:"auto,docker,podman" doc:"auto is docker where it is installed, else podman"`
	User    string   `arg:"user" doc:"user whose image it is, with rootless podman"`
	State   string   `arg:"state" default:"present" choices:"present,latest,absent" doc:"latest also pulls an image that is there"`

	content []byte
}

// loadedPrefix begins the names that mark which archive an image was taken from.
const loadedPrefix = "netrun-loaded:"

func init() {
	Register(Kind{Name: "image", Short: "an image for containers: pulled, loaded or imported", Free: "name", New: func() Task { return new(Image) }})
}

// Sources implements Sourcer.
func (i *Image) Sources() []Source {
	if i.Src == "" || i.State == absent {
		return nil
	}
	return []Source{{Path: i.Src, Arg: "src"}}
}

// Fill implements Sourcer.
func (i *Image) Fill(_ int, content []byte) { i.content = content }

// Check implements Task.
func (i *Image) Check() error {
	errs := []error{checkImage("name", i.Name), checkRuntime(i.Runtime, i.User), checkLine("src", i.Src)}
	switch archive := i.Src != "" || i.Path != ""; {
	case i.Src != "" && i.Path != "":
		errs = append(errs, Wrong("path", "give either src or path"))
	case archive && i.State == "latest":
		errs = append(errs, Wrong("state", "latest is for images that are pulled; what an archive holds is loaded whenever the archive changed"))
	case !archive && i.Import:
		errs = append(errs, Wrong("import", "which archive? give src or path"))
	case strings.Contains(i.Name, "@") && archive:
		errs = append(errs, Wrong("name", "%q names a digest, which an image from an archive does not get: give a name and a tag", i.Name))
	}
	return errors.Join(errs...)
}

// imageStep is what an image task has to do; what is "" for nothing.
type imageStep struct {
	cli  *containerCLI
	what string
	do   func(context.Context) error
	old  *inspectedImage
}

func (i *Image) step(ctx context.Context, m Machine) (imageStep, error) {
	cli, err := findContainerCLI(ctx, m, i.Runtime, i.User)
	if err != nil {
		return imageStep{}, err
	}
	old, err := cli.image(ctx, i.Name)
	if err != nil {
		return imageStep{}, err
	}
	step := imageStep{cli: cli, old: old}
	switch {
	case i.State == absent && old != nil:
		step.what = "remove image " + i.Name
		step.do = func(ctx context.Context) error { return i.remove(ctx, cli, old) }
	case i.State == absent:
	case i.Src != "" || i.Path != "":
		return i.archive(ctx, step)
	case old == nil || i.State == "latest":
		step.what = "pull image " + i.Name
		step.do = func(ctx context.Context) error { return cli.act(ctx, "pull", "--quiet", i.Name) }
	}
	return step, nil
}

// archive is the step where the image comes from an archive. Which one it came from
// stands in a second name of the image: that is the same with both runtimes and all
// their stores, while a label would change the image, and its id says nothing.
func (i *Image) archive(ctx context.Context, step imageStep) (imageStep, error) {
	sum := sha256.Sum256(i.content)
	hash := hex.EncodeToString(sum[:])
	if i.Path != "" {
		var err error
		if hash, err = hashFile(string(i.Path)); err != nil {
			return step, fmt.Errorf("read image: %w", err)
		}
	}
	mark, err := step.cli.image(ctx, loadedPrefix+hash)
	if err != nil || step.old != nil && mark.id() == step.old.id() {
		return step, err
	}
	step.what = i.verb() + " image " + i.Name + " from " + i.from()
	step.do = func(ctx context.Context) error { return i.take(ctx, step.cli, step.old, loadedPrefix+hash) }
	return step, nil
}

func (i *Image) verb() string {
	if i.Import {
		return "import"
	}
	return "load"
}

func (i *Image) from() string {
	if i.Path != "" {
		return string(i.Path)
	}
	return i.Src
}

func (i *Image) take(ctx context.Context, cli *containerCLI, old *inspectedImage, mark string) error {
	c := cli.command("load")
	switch {
	case i.Import && i.Path != "":
		c = cli.command("import", string(i.Path), i.Name)
	case i.Import:
		c = cli.command("import", "-", i.Name)
	case i.Path != "":
		c = cli.command("load", "--input="+string(i.Path))
	}
	if i.Path == "" {
		c.Stdin = string(i.content)
	}
	what := i.verb() + " " + i.from()
	if err := unmark(ctx, cli, old); err != nil {
		return err
	}
	out, err := cli.run(ctx, what, c)
	if err != nil {
		return err
	}
	now, err := cli.image(ctx, i.Name)
	if err != nil {
		return err
	}
	if now == nil {
		return &Failure{Msg: fmt.Sprintf("%s: %s is not in it: %s", what, i.Name, lastLine(out.Stdout))}
	}
	return cli.act(ctx, "tag", i.Name, mark)
}

// unmark takes our own names from an image. That is done while it has another one:
// the last name of an image that a container uses cannot be taken away.
func unmark(ctx context.Context, cli *containerCLI, image *inspectedImage) error {
	if image == nil {
		return nil
	}
	for _, tag := range image.RepoTags {
		if !strings.HasPrefix(strings.TrimPrefix(tag, "localhost/"), loadedPrefix) {
			continue
		}
		if err := cli.act(ctx, "rmi", tag); err != nil {
			return err
		}
	}
	return nil
}

func (i *Image) remove(ctx context.Context, cli *containerCLI, old *inspectedImage) error {
	if err := unmark(ctx, cli, old); err != nil {
		return err
	}
	return cli.act(ctx, "rmi", i.Name)
}

// Needed implements Act.
func (i *Image) Needed(ctx context.Context, m Machine) (string, error) {
	step, err := i.step(ctx, m)
	return step.what, err
}

// Do implements Act.
func (i *Image) Do(ctx context.Context, m Machine) (Outcome, error) {
	step, err := i.step(ctx, m)
	if err != nil || step.what == "" {
		return Outcome{}, err
	}
	if err := step.do(ctx); err != nil {
		return Outcome{}, err
	}
	now, err := step.cli.image(ctx, i.Name)
	if err != nil {
		return Outcome{}, err
	}
	changed := step.old.id() != now.id() || i.Src != "" || i.Path != ""
	return Outcome{Changed: changed, Msg: step.what, Data: map[string]any{"runtime": step.cli.program, "id": now.id()}}, nil
}
