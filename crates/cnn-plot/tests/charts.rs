//! Charts at their extremes. With CHARTS set to a folder, they are left there to be looked at.

use cnn_core::Tensor;
use cnn_plot::{ConfusionPlot, ContactSheet, Curves, LearningRatePlot, Mark, PlotError};

fn keep(name: &str, svg: &str, png: Result<Vec<u8>, PlotError>) {
    // SVG needs no font, PNG does; some machines have none.
    let png = match png {
        Err(PlotError::NoFont) => return,
        png => png.unwrap(),
    };
    if let Some(folder) = std::env::var_os("CHARTS") {
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.svg")), svg).unwrap();
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), png).unwrap();
    }
}

fn curves(epochs: usize) -> Curves {
    let at = |scale: f64, rest: f64| -> Vec<f64> {
        (0..epochs).map(|i| rest + scale * (-4.0 * i as f64 / epochs as f64).exp()).collect()
    };
    let (loss, val_loss) = (at(2.0, 0.1), at(1.7, 0.35));
    let (accuracy, val_accuracy) = (at(-0.8, 0.99), at(-0.7, 0.9));
    Curves::new("꽃 model, <5 classes>")
        .panel("loss", [("training", loss.as_slice()), ("validation", val_loss.as_slice())])
        .panel("accuracy", [("training", accuracy.as_slice()), ("validation", val_accuracy.as_slice())])
}

#[test]
fn curves_of_one_epoch_and_of_many() {
    for epochs in [1, 2, 12, 100, 1000] {
        let svg = curves(epochs).to_svg().unwrap();
        assert!(svg.contains("training") && svg.contains("validation") && svg.contains("epoch"), "{epochs}");
        assert!(svg.contains("&lt;5 classes&gt;"), "{epochs}");
        keep(&format!("curves_{epochs}"), &svg, curves(epochs).to_png());
    }
}

/// A training that diverges, one that stands still, one without an epoch: nothing panics and a picture comes out.
#[test]
fn curves_of_odd_numbers() {
    let cases: [&[f64]; 5] =
        [&[], &[f64::NAN], &[0.5, f64::NAN, f64::INFINITY, 0.25], &[0.0, 0.0], &[1e-12, 3e12, -4.0]];
    for (index, values) in cases.into_iter().enumerate() {
        let curves = Curves::new("").panel("loss", [("training", values)]);
        let svg = curves.to_svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        keep(&format!("odd_{index}"), &svg, curves.to_png());
    }
    assert!(matches!(Curves::new("x").to_svg(), Err(PlotError::NothingToDraw { .. })));
}

/// The curve of a search, and searches that end at once: a mark for each suggestion, nothing that is no number.
#[test]
fn learning_rates() {
    let rates: Vec<f64> = (0..81).map(|i| 10f64.powf(-7.0 + 0.1 * f64::from(i))).collect();
    let losses: Vec<f64> = rates.iter().map(|&rate| 2.3 - 1.9 * rate / (rate + 3e-3) + 0.3 * rate * rate).collect();
    let plot =
        LearningRatePlot::new("꽃 model, <5 classes>", &rates, &losses).mark("steepest", 3e-3).mark("least / 10", 0.05);
    let svg = plot.to_svg().unwrap();
    for text in ["learning rate", "loss", "steepest", "least / 10", "1e-7", "1e-3", "&lt;5 classes&gt;"] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    keep("learning_rates", &svg, plot.to_png());
    for (index, (rates, losses)) in [
        (vec![1e-3], vec![0.5]),
        (vec![1e-3, 2e-3], vec![0.5, f64::NAN]),
        (vec![0.0, -1.0, 1e-3], vec![f64::INFINITY, 1.0, 0.1]),
    ]
    .into_iter()
    .enumerate()
    {
        let plot = LearningRatePlot::new("", &rates, &losses).mark("none", f64::NAN);
        let svg = plot.to_svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        keep(&format!("odd_learning_rates_{index}"), &svg, plot.to_png());
    }
    assert!(matches!(LearningRatePlot::new("x", &[], &[]).to_svg(), Err(PlotError::NothingToDraw { .. })));
}

fn confusion(names: &[String], scale: usize) -> ConfusionPlot {
    let n = names.len();
    let counts: Vec<f64> = (0..n * n)
        .map(|i| match (i / n, i % n) {
            (row, column) if row == column => (scale * (row + 2)) as f64,
            (row, column) if (row * 7 + column * 3) % 11 == 0 => (scale + column) as f64,
            _ => 0.0,
        })
        .collect();
    ConfusionPlot::new(format!("validation: {n} classes"), names, counts).unwrap()
}

#[test]
fn confusion_matrices_of_few_and_many_classes() {
    let korean = ["강아지", "고양이", "다람쥐", "<호랑이>", "하늘을 나는 아주 긴 이름의 새 한 마리와 친구들"]
        .map(str::to_string)
        .to_vec();
    let numbered = |n: usize| (0..n).map(|i| format!("class_{i}_name")).collect::<Vec<_>>();
    let cases = [
        ("two", vec!["cat".to_string(), "dog".to_string()], 50),
        ("korean", korean, 3),
        ("ten", (0..10).map(|i| i.to_string()).collect(), 1000),
        ("forty", numbered(40), 1),
        ("hundred", numbered(100), 1),
    ];
    for (name, names, scale) in cases {
        let plot = confusion(&names, scale);
        let svg = plot.to_svg().unwrap();
        // Every class has its name at its row and at its column, cut where it is long, escaped where XML asks for it.
        let heads = names.iter().map(|name| name.chars().take(4).collect::<String>().replace('<', "&lt;"));
        assert!(heads.into_iter().all(|head| svg.matches(&head).count() >= 2), "{name}");
        keep(&format!("confusion_{name}"), &svg, plot.to_png());
    }
    assert!(matches!(ConfusionPlot::new("", ["a", "b"], [1.0]), Err(PlotError::Counts { .. })));
    let none: [&str; 0] = [];
    assert!(matches!(ConfusionPlot::new("", none, []), Err(PlotError::NothingToDraw { .. })));
    let many = ConfusionPlot::new("", numbered(2000), vec![0.0; 4_000_000]).unwrap();
    assert!(matches!(many.to_svg(), Err(PlotError::TooLarge { .. })));
}

/// A caption in another script takes the room it needs, and is never left blank: a font of the machine draws it, or there
/// are question marks.
#[test]
fn captions_in_any_script() {
    let sheet = |caption: &str| {
        let mut sheet = ContactSheet::new("");
        sheet.add(&Tensor::full(vec![1, 4, 4, 1], 255.0), 0, caption, Mark::Plain).unwrap();
        sheet.render().unwrap()
    };
    let (korean, latin) = (sheet("강아지 99%"), sheet("abcdef 99%"));
    assert_eq!(korean.dimensions(), latin.dimensions());
    let ink = |from: u32, to: u32| {
        let line = korean.height() - 29..korean.height() - 16;
        line.flat_map(|y| (from..to).map(move |x| (x, y))).filter(|&(x, y)| korean.get_pixel(x, y).0[0] < 128).count()
    };
    // Three syllables of two columns of 7 pixels each.
    for column in 0..3 {
        assert!(ink(16 + column * 14, 30 + column * 14) > 3, "{column}");
    }
}
