"""`seasift data prepare|check|stats|split|merge|pack`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.core.choices import ImageEncoding

data = typer.Typer(
    name="data",
    help="Prepare, check, describe, split, merge and pack data sets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Images = Annotated[
    Path | None,
    typer.Option(help="Folder of the images of a COCO .json [default: images beside it, or its own]."),
]
_Group = Annotated[
    str | None,
    typer.Option(
        help=r"Regular expression for the video in a file name, e.g. 'vid_(\d+)_frame'; 'none' for none."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON to standard output instead of tables.")]


@data.command()
def prepare(
    source: Annotated[
        Path, typer.Argument(help="TrashCan (zip or folder), a folder or zip of COCO, or a .json.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder for the prepared data set.")],
    images: _Images = None,
    force: Annotated[bool, typer.Option("--force", help="Write everything again.")] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Repair mechanical defects and list every repair: duplicate ids, boxes beyond the image, degenerate polygons, "
            "swapped sizes of RLE, missing areas.",
        ),
    ] = False,
) -> None:
    """Prepare a data set: images once, checked labels, exact masks, splitting schemes.

    A second run does nothing; an interrupted run resumes.
    """
    from seasift.cli.data_output import tell_prepared
    from seasift.cli.terminal import stages
    from seasift.data.prepare import prepare as run

    with stages() as progress:
        prepared, done = run(source, out, images=images, force=force, repair=repair, progress=progress)
    tell_prepared(prepared, done)


@data.command()
def check(
    paths: Annotated[
        list[Path],
        typer.Argument(help="A prepared data set, or COCO .json files (each a split of one scheme)."),
    ],
    images: _Images = None,
    group: _Group = None,
    as_json: _Json = False,
) -> None:
    """List every defect, and images, videos, dives and minutes that splits share; exit 2 if a defect is fatal."""
    from seasift.cli.data_output import tell_check
    from seasift.cli.terminal import print_json, stages
    from seasift.data.check import check as run

    with stages() as progress:
        report = run(paths, images=images, group=group, progress=progress)
    if as_json:
        print_json(report.to_json())
    else:
        tell_check(report)
    if report.fatal:
        raise typer.Exit(2)


@data.command()
def stats(
    path: Annotated[Path, typer.Argument(help="A prepared data set, or a COCO .json.")],
    page: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write an HTML page with plots and examples.")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="Label set: instance or material.")] = None,
    masks: Annotated[str | None, typer.Option(help="Mask version: exact or polygons.")] = None,
    scheme: Annotated[str | None, typer.Option(help="Splitting scheme: dive-free, official ...")] = None,
    images: _Images = None,
    group: _Group = None,
    as_json: _Json = False,
) -> None:
    """Describe a data set: counts, sizes, classes that occur together, videos of each split."""
    from seasift.cli.data_output import tell_stats
    from seasift.cli.terminal import print_json
    from seasift.data.stats import describe, statistics

    described = describe(path, labels=labels, masks=masks, scheme=scheme, images=images, group=group)
    counted = statistics(described)
    if page is not None:
        from seasift.data.stats_page import write_page

        write_page(page, path, described, counted)
        typer.echo(f"written: {page}", err=True)
    if as_json:
        print_json(counted.to_json())
    else:
        tell_stats(counted)


@data.command()
def split(
    prepared: Annotated[Path, typer.Argument(help="A folder made by `seasift data prepare`.")],
    name: Annotated[str, typer.Option(help="Name of the new splitting scheme.")],
    fractions: Annotated[
        str, typer.Option(help="Splits and their shares, summing to 1.")
    ] = "train=0.7,val=0.15,test=0.15",
    folds: Annotated[int, typer.Option(min=0, help="Draw this many folds NAME-0, NAME-1 ... instead.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed; the same seed draws the same scheme.")] = 0,
    group: _Group = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a scheme of this name.")] = False,
) -> None:
    """Draw a splitting scheme that keeps each video in one split, with every class in every split if possible."""
    from seasift.cli.data_output import tell_scheme
    from seasift.cli.terminal import busy
    from seasift.data.draw_scheme import split as run

    with busy("drawing"):
        drawn = run(prepared, name, fractions=fractions, folds=folds, seed=seed, group=group, force=force)
    tell_scheme(drawn)


@data.command()
def merge(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Prepared data sets or COCO .json files; the first gives the classes."),
    ],
    map_file: Annotated[
        Path, typer.Option("--map", help="YAML file with the meaning of each source's categories.")
    ],
    out: Annotated[Path, typer.Option("-o", "--output", help="Folder for the merged data set.")],
    drop_leaks: Annotated[
        bool,
        typer.Option(
            "--drop-leaks",
            help="Leave images out of train that share a video, dive or day with another source's held-out splits.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write everything again.")] = False,
) -> None:
    """Merge data sets; coarse classes, missing masks and unlabelled background stay marked.

    A second run does nothing; an interrupted run resumes.
    """
    from seasift.cli.data_output import tell_merged
    from seasift.cli.terminal import stages
    from seasift.data.merge import merge as run

    with stages() as progress:
        merged = run(sources, map_file, out, drop_leaks=drop_leaks, force=force, progress=progress)
    tell_merged(merged)


@data.command()
def pack(
    prepared: Annotated[Path, typer.Argument(metavar="DATA", help="A prepared data set.")],
    out: Annotated[Path, typer.Option("-o", "--output", help="Folder for the parts.")],
    max_mb: Annotated[float, typer.Option(min=0.1, help="Maximum size of a part in megabytes.")] = 60,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Quality of the images.")] = 75,
    encoding: Annotated[
        ImageEncoding, typer.Option(help="Encoding of the images; WebP is a third to a half smaller.")
    ] = ImageEncoding.JPEG,
    force: Annotated[bool, typer.Option("--force", help="Write over another pack.")] = False,
) -> None:
    """Pack a data set into small parts for machines without a network; `seasift train --data FOLDER` reads them."""
    from seasift.cli.terminal import console_of, stages
    from seasift.data.pack import pack as run

    with stages() as progress:
        parts = run(
            prepared, out, max_mb=max_mb, quality=quality, encoding=encoding, force=force, progress=progress
        )
    size = sum(part.stat().st_size for part in parts) / 1e6
    console_of(140).print(
        f"{out}: {len(parts)} parts, {size:,.1f} MB, {encoding} of quality {quality}", soft_wrap=True
    )
