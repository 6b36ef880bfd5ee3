package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/pkg/schema"
)

func newSchemaExport(a *cli.App) *cobra.Command {
	var o flags.Schema
	var format, pkg string
	cmd := &cobra.Command{
		Use:   "export --format FORMAT",
		Short: "Print what was learned as JSON Schema, Go, TypeScript or Markdown",
		Long: `Print what was learned for other programs. jsonschema accepts all events that were
learned and further fields, but no other events. go has a struct for each event,
typescript an interface, markdown a table.`,
		Example: `  enswitch-events schema export --format jsonschema > events.schema.json
  enswitch-events schema export --format go --package events > events.go`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format == "" {
				return cli.Usage("it is one of "+strings.Join(exportFormats(), ", "), "schema export needs --format")
			}
			if err := flags.OneOf("format", format, exportFormats()); err != nil {
				return err
			}
			if cmd.Flags().Changed("package") && format != "go" {
				return cli.Usage("add --format go", "--package has no effect here: it is for Go")
			}
			s, err := o.Read(a)
			if err != nil {
				return err
			}
			return export(a.EventWriter(), s, format, pkg)
		},
	}
	cli.AddFlagGroup(cmd, "Schema", func(f *pflag.FlagSet) {
		o.Bind(f)
		f.StringVar(&format, "format", "", "print it as `FORMAT`: "+strings.Join(exportFormats(), ", "))
		f.StringVar(&pkg, "package", "events", "the `NAME` of the Go package")
	})
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(exportFormats(), cobra.ShellCompDirectiveNoFileComp)) // there is this flag
	return cmd
}

func exportFormats() []string { return []string{"jsonschema", "go", "typescript", "markdown"} }

func export(w io.Writer, s *schema.Schema, format, pkg string) error {
	text := s.Markdown()
	switch format {
	case "jsonschema":
		text = s.JSONSchema()
	case "typescript":
		text = s.TypeScript()
	case "go":
		var err error
		if text, err = s.Go(pkg); err != nil {
			return cli.Usage("it is a word like events", "--package: %w", err)
		}
	}
	_, err := w.Write(text)
	return cli.WriteError(err)
}
