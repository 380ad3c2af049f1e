//! Drawings of models: each layer a box, each connection an arrow, nothing over anything else, and a renderer opens them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use cnn_core::layers::{
    Activation, Add, Concatenate, Conv2D, Dense, Flatten, GlobalAveragePooling2D, InputLayer, ReLU,
};
use cnn_core::{Functional, Model, Sequential};
use cnn_plot::{ModelPlot, PlotError, RankDir};
use roxmltree::{Document, Node};

const BOTH: [RankDir; 2] = [RankDir::TopToBottom, RankDir::LeftToRight];

fn expanded() -> ModelPlot {
    ModelPlot { expand_nested: true, ..ModelPlot::default() }
}

fn of_class<'a>(svg: &'a Document, class: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    svg.descendants().filter(move |node| node.attribute("class") == Some(class))
}

fn title(node: Node) -> String {
    node.children().find(|child| child.has_tag_name("title")).and_then(|title| title.text()).unwrap_or_default().into()
}

/// The titles of everything of a class, in order, each once.
fn titles(svg: &Document, class: &str) -> Vec<String> {
    let titles: Vec<String> = of_class(svg, class).map(title).collect();
    assert_eq!(titles.iter().collect::<BTreeSet<_>>().len(), titles.len(), "{class}: {titles:?}");
    titles
}

/// Left, top, right, bottom of a group's first rectangle.
fn rectangle(group: Node) -> [f64; 4] {
    let rectangle = group.children().find(|child| child.has_tag_name("rect")).unwrap();
    let [x, y, width, height] =
        ["x", "y", "width", "height"].map(|name| rectangle.attribute(name).unwrap().parse::<f64>().unwrap());
    [x, y, x + width, y + height]
}

fn chain() -> Model {
    let model = Sequential::new("chain").input([8, 8, 1]).unwrap();
    model.add(Conv2D::new(2, 3).name("conv")).unwrap().add(Flatten.name("flat")).unwrap().model().unwrap()
}

fn residual() -> Model {
    let mut f = Functional::new();
    let x = f.call(InputLayer::new([8, 8, 2]).name("x"), &[]).unwrap();
    let y = f.call(Conv2D::new(2, 1).name("conv"), &[x]).unwrap();
    let sum = f.call(Add.name("sum"), &[x, y]).unwrap();
    f.model("residual", &[x], &[sum]).unwrap()
}

/// Two inputs through one layer, which also takes what it made itself; two outputs.
fn shared() -> Model {
    let mut f = Functional::new();
    let a = f.call(InputLayer::new([8, 8, 2]).name("a"), &[]).unwrap();
    let b = f.call(InputLayer::new([4, 4, 2]).name("b"), &[]).unwrap();
    let on_a = f.call(Conv2D::new(2, 1).name("conv"), &[a]).unwrap();
    let on_b = f.call_again("conv", &[b]).unwrap();
    let twice = f.call_again("conv", &[on_a]).unwrap();
    let relu = f.call(ReLU::default().name("relu"), &[twice]).unwrap();
    let back = f.call_again("conv", &[relu]).unwrap();
    f.model("shared", &[a, b], &[on_b, back]).unwrap()
}

/// A nested model of two outputs, and a nested sequential one that begins with another.
fn nested() -> Model {
    let two = {
        let mut f = Functional::new();
        let x = f.call(InputLayer::new([8, 8, 2]).name("x"), &[]).unwrap();
        let left = f.call(Conv2D::new(1, 1).name("left"), &[x]).unwrap();
        let right = f.call(Conv2D::new(1, 1).name("right"), &[x]).unwrap();
        f.model("two", &[x], &[left, right]).unwrap()
    };
    let inner = Sequential::new("inner").input([8, 8, 2]).unwrap().add(ReLU::default().name("relu")).unwrap();
    let outer = Sequential::new("outer").input([8, 8, 2]).unwrap().add(inner.model().unwrap()).unwrap();
    let outer = outer.add(GlobalAveragePooling2D::default().name("pool")).unwrap().model().unwrap();
    let mut f = Functional::new();
    let x = f.call(InputLayer::new([8, 8, 2]).name("picture"), &[]).unwrap();
    let made = f.call_all(two, &[x]).unwrap();
    let both = f.call(Concatenate::default().name("both"), &[made[1], made[0]]).unwrap();
    let last = f.call(outer, &[both]).unwrap();
    f.model("nested", &[x], &[last]).unwrap()
}

#[test]
fn layers_are_boxes_and_connections_arrows() {
    let plain = ModelPlot::default;
    let cases: [(Model, ModelPlot, &[&str], &[&str]); 5] = [
        (chain(), plain(), &["conv", "flat"], &["conv to flat"]),
        (residual(), plain(), &["x", "conv", "sum"], &["x to conv", "x to sum", "conv to sum"]),
        (
            shared(),
            plain(),
            &["a", "b", "conv", "relu"],
            &["a to conv", "b to conv", "conv to conv", "conv to relu", "relu to conv"],
        ),
        (nested(), plain(), &["picture", "two", "both", "outer"], &["picture to two", "two to both", "both to outer"]),
        (
            nested(),
            expanded(),
            &["picture", "two/x", "two/left", "two/right", "both", "outer/inner/relu", "outer/pool"],
            &[
                "picture to two/x",
                "two/x to two/left",
                "two/x to two/right",
                "two/left to both",
                "two/right to both",
                "both to outer/inner/relu",
                "outer/inner/relu to outer/pool",
            ],
        ),
    ];
    for (model, plot, boxes, arrows) in cases {
        for rankdir in BOTH {
            let svg = ModelPlot { rankdir, ..plot }.to_svg(&model).unwrap();
            let svg = Document::parse(&svg).unwrap();
            let sorted = |mut titles: Vec<String>| {
                titles.sort();
                titles
            };
            let wanted = |titles: &[&str]| sorted(titles.iter().map(|title| title.to_string()).collect());
            assert_eq!(sorted(titles(&svg, "layer")), wanted(boxes), "{}", model.name());
            assert_eq!(sorted(titles(&svg, "edge")), wanted(arrows), "{}", model.name());
            let frames = titles(&svg, "model");
            let framed: &[&str] = if plot.expand_nested { &["two", "outer", "outer/inner"] } else { &[] };
            assert_eq!(frames, framed);
            check_places(&svg);
        }
    }
}

/// Nothing lies over anything else, all is on the drawing, and arrows bend beside boxes.
fn check_places(svg: &Document) {
    let root = svg.root_element();
    let side = |name| root.attribute(name).unwrap().parse::<f64>().unwrap();
    let (width, height) = (side("width"), side("height"));
    let places = |class| -> Vec<(String, [f64; 4])> {
        of_class(svg, class).map(|group| (title(group), rectangle(group))).collect()
    };
    let (boxes, frames) = (places("layer"), places("model"));
    for (name, [left, top, right, bottom]) in boxes.iter().chain(&frames) {
        assert!(0.0 <= *left && 0.0 <= *top && *right <= width && *bottom <= height, "{name} is not on the drawing");
    }
    let apart = |a: &[f64; 4], b: &[f64; 4]| a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1];
    for (index, (name, place)) in boxes.iter().enumerate() {
        for (other, there) in &boxes[..index] {
            assert!(apart(place, there), "{name} lies over {other}");
        }
        for (frame, [left, top, right, bottom]) in &frames {
            let inside = *left < place[0] && *top + 20.0 < place[1] && place[2] < *right && place[3] < *bottom;
            let wanted = name.starts_with(&format!("{frame}/"));
            assert!(if wanted { inside } else { apart(place, &[*left, *top, *right, *bottom]) }, "{name} and {frame}");
        }
    }
    for edge in of_class(svg, "edge") {
        let corners = corners(edge.attribute("d").unwrap());
        let within = |[x, y]: [f64; 2], [left, top, right, bottom]: &[f64; 4]| {
            left + 1.0 < x && x < right - 1.0 && top + 1.0 < y && y < bottom - 1.0
        };
        for (name, place) in &boxes {
            assert!(!corners.iter().any(|&corner| within(corner, place)), "{} runs through {name}", title(edge));
        }
    }
}

/// Where a path's pieces end, and the middles of straight ones.
fn corners(path: &str) -> Vec<[f64; 2]> {
    let mut corners: Vec<[f64; 2]> = Vec::new();
    for piece in path.split(['M', 'L', 'C']) {
        let numbers: Vec<f64> = piece.split_whitespace().map(|number| number.parse().unwrap()).collect();
        if let [.., x, y] = numbers[..] {
            if let (Some(&[a, b]), 2) = (corners.last(), numbers.len()) {
                corners
                    .extend((1..10).map(|tenth| f64::from(tenth) / 10.0).map(|t| [a + t * (x - a), b + t * (y - b)]));
            }
            corners.push([x, y]);
        }
    }
    corners
}

/// Whole models: as many boxes as layers, as many arrows as pairs of layers that are connected.
#[test]
fn models_of_the_zoo() {
    for name in ["InceptionV3", "ResNet50", "MobileNetV2", "VGG16"] {
        let model = cnn_zoo::find(name).unwrap().build(&Default::default()).unwrap();
        let mut pairs = BTreeSet::new();
        for layer in model.layers() {
            let taken = layer.calls().iter().flat_map(|call| &call.inputs);
            pairs.extend(taken.map(|x| (model.layers()[x.layer].name().to_string(), layer.name().to_string())));
        }
        for rankdir in BOTH {
            let svg = ModelPlot { rankdir, ..ModelPlot::default() }.to_svg(&model).unwrap();
            let svg = Document::parse(&svg).unwrap();
            assert_eq!(titles(&svg, "layer").len(), model.layers().len(), "{name}");
            let wanted: BTreeSet<String> = pairs.iter().map(|(from, to)| format!("{from} to {to}")).collect();
            assert_eq!(titles(&svg, "edge").into_iter().collect::<BTreeSet<_>>(), wanted, "{name}");
            check_places(&svg);
        }
        // The whole model in a frame is the same drawing in a frame.
        let around = Sequential::new("around").input([224, 224, 3]).unwrap();
        if let Ok(around) = around.add(model.clone()).and_then(Sequential::model) {
            let svg = expanded().to_svg(&around).unwrap();
            let svg = Document::parse(&svg).unwrap();
            assert_eq!(titles(&svg, "layer").len(), model.layers().len(), "{name}");
            assert_eq!(titles(&svg, "edge").len(), pairs.len(), "{name}");
            check_places(&svg);
        }
    }
}

/// What is written in the box of a layer.
fn texts(plot: &ModelPlot, model: &Model, layer: &str) -> Vec<String> {
    let svg = plot.to_svg(model).unwrap();
    let svg = Document::parse(&svg).unwrap();
    let group = of_class(&svg, "layer").find(|group| title(*group) == layer).unwrap();
    group.children().filter(|child| child.has_tag_name("text")).map(|text| text.text().unwrap().to_string()).collect()
}

#[test]
fn what_boxes_tell() {
    let mut frozen = chain();
    frozen.layer_mut("conv").unwrap().set_trainable(false);
    let bare = ModelPlot { show_shapes: false, show_layer_names: false, ..ModelPlot::default() };
    let all = ModelPlot { show_layer_activations: true, show_trainable: true, ..ModelPlot::default() };
    let input = ["input", "(None, 8, 8, 1)"];
    let output = ["output", "(None, 6, 6, 2)"];
    let cases: [(&ModelPlot, &Model, &str, Vec<&str>); 6] = [
        (&bare, &chain(), "conv", vec!["Conv2D"]),
        (&ModelPlot::default(), &chain(), "conv", [&["conv (Conv2D)"], &input[..], &output[..]].concat()),
        (
            &all,
            &frozen,
            "conv",
            [&["conv (Conv2D)", "activation", "linear"], &input[..], &output[..], &["trainable", "no"]].concat(),
        ),
        (&all, &frozen, "flat", vec!["flat (Flatten)", "input", "(None, 6, 6, 2)", "output", "(None, 72)"]),
        (&all, &residual(), "x", vec!["x (InputLayer)", "output", "(None, 8, 8, 2)"]),
        (
            &ModelPlot::default(),
            &shared(),
            "conv",
            vec![
                "conv (Conv2D)",
                "input",
                "(None, 8, 8, 2)",
                "or (None, 4, 4, 2)",
                "output",
                "(None, 8, 8, 2)",
                "or (None, 4, 4, 2)",
            ],
        ),
    ];
    for (plot, model, layer, wanted) in cases {
        assert_eq!(texts(plot, model, layer), wanted, "{layer} of {}", model.name());
    }
}

#[test]
fn names_of_any_letters() {
    for name in ["층 <1> & \"둘\"", "a'b]]>", "tab\tnewline\n", "\u{1}\u{fffe}"] {
        let dense = Dense::new(2).activation(Activation::Relu).name(name);
        let model = Sequential::new(name).input([3]).unwrap().add(dense).unwrap().model().unwrap();
        let svg = ModelPlot::default().to_svg(&model).unwrap();
        let svg = Document::parse(&svg).unwrap();
        let shown: String = name.chars().map(|c| if c.is_control() || c == '\u{fffe}' { ' ' } else { c }).collect();
        assert_eq!(titles(&svg, "layer"), [shown.as_str()]);
        let box_ = of_class(&svg, "layer").next().unwrap();
        let head = box_.children().find(|child| child.attribute("class") == Some("head") && child.has_tag_name("text"));
        assert_eq!(head.unwrap().text(), Some(format!("{shown} (Dense)").as_str()));
    }
}

/// A drawing of every layer or an error, also where there are many.
#[test]
fn many_layers() {
    let many = |count: usize| {
        let mut model = Sequential::new("many").input([4]).unwrap();
        for _ in 0..count {
            model = model.add(ReLU::default()).unwrap();
        }
        model.model().unwrap()
    };
    let svg = ModelPlot::default().to_svg(&many(4096)).unwrap();
    assert_eq!(svg.matches("class=\"layer\"").count(), 4096);
    let error = ModelPlot::default().to_svg(&many(4097)).unwrap_err();
    assert!(matches!(error, PlotError::TooManyLayers { limit: 4096 }), "{error}");
}

/// A renderer draws what the SVG file says, in the size that is asked for.
#[test]
fn as_png() {
    let model = nested();
    let svg = expanded().to_svg(&model).unwrap();
    let svg = Document::parse(&svg).unwrap();
    let side = |name| svg.root_element().attribute(name).unwrap().parse::<f64>().unwrap();
    for dpi in [48, 96, 200] {
        let png = match expanded().to_png(&model, dpi) {
            Err(PlotError::NoFont) => return println!("not tried: there is no font on this machine"),
            png => png.unwrap(),
        };
        let scale = f64::from(dpi) / 96.0;
        let picture = image::load_from_memory(&png).unwrap().into_rgb8();
        let size = ["width", "height"].map(|name| (side(name) * scale).ceil() as u32);
        assert_eq!([picture.width(), picture.height()], size);
        assert_eq!(picture.get_pixel(0, 0).0, [255; 3]);
        for group in of_class(&svg, "layer") {
            let [left, top, right, bottom] = rectangle(group);
            // Beside the title, and below the last line.
            let at = |x: f64, y: f64| picture.get_pixel((x * scale) as u32, (y * scale) as u32).0;
            assert_eq!(at(left + 5.0, top + 13.0), [0x22; 3], "{}", title(group));
            assert_eq!(at((left + right) / 2.0, bottom - 3.0), [255; 3], "{}", title(group));
        }
    }
    let error = expanded().to_png(&model, 1 << 20).unwrap_err();
    assert!(matches!(error, PlotError::TooLarge { .. } | PlotError::NoFont), "{error}");
}

/// Keras's own nested models, read from its files.
#[test]
fn nested_models_of_keras() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/nested");
    let model = cnn_io::files::load_model(&folder.join("deep_trainable.keras")).unwrap().model;
    let svg = expanded().to_svg(&model).unwrap();
    let svg = Document::parse(&svg).unwrap();
    assert_eq!(titles(&svg, "model"), ["mid", "mid/base"]);
    let arrows = titles(&svg, "edge");
    for arrow in
        ["image to mid/mid_input", "mid/conv0 to mid/base/base_input", "mid/base/skip to mid/bn0", "mid/bn0 to pool"]
    {
        assert!(arrows.iter().any(|other| other == arrow), "{arrow}: {arrows:?}");
    }
    check_places(&svg);
}
