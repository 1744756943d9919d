//! Replaces each `use` by the layer that it names, and checks that every layer is complete.

use crate::domain::decimal::ExactDecimal;

use super::document::{Document, LayerText};
use super::rule::{LayerRule, PolicyRule};
use crate::domain::file_fault::FileFault;

/// The policies of some files with their complete layers, and the faults: a `use` that names no layer or
/// leads back to itself, a layer without a required key, and layers of one file that contradict each other.
///
/// `complete` says whether `documents` are all files; if one could not be read, a `use` may name it. A layer
/// with a fault is not checked for missing keys, which would report the same cause twice.
pub(super) fn draw_layers(documents: &[Document], complete: bool) -> (Vec<PolicyRule>, Vec<FileFault>) {
    let mut drawing = LayerDrawing { documents, complete, faults: Vec::new() };
    let rules = documents.iter().map(|document| drawing.policy(document)).collect();
    (rules, drawing.faults)
}

struct LayerDrawing<'a> {
    documents: &'a [Document],
    complete: bool,
    faults: Vec<FileFault>,
}

impl LayerDrawing<'_> {
    fn fault(&mut self, document: &Document, line: usize, message: String) {
        self.faults.push(FileFault::new(&document.file, line, message));
    }

    fn policy(&mut self, document: &Document) -> PolicyRule {
        let layers: Vec<LayerRule> = document.layers.iter().filter_map(|layer| self.layer(document, layer)).collect();
        self.check_ids(document);
        self.check_caps(document, &layers);
        PolicyRule {
            format: 1,
            id: document.id.as_str().into(),
            title: document.title.as_str().into(),
            insurance: document.insurance.as_str().into(),
            regions: document.regions.iter().map(|region| region.as_str().into()).collect(),
            in_force: document.in_force,
            benefit_year: document.benefit_year,
            layers,
        }
    }

    fn layer(&mut self, document: &Document, written: &LayerText) -> Option<LayerRule> {
        self.check_id(document, written);
        let text = self.drawn(document, written).filter(|text| text.sound)?;
        self.check_days(document, &text);
        let missing = missing_keys(&text);
        if !missing.is_empty() {
            let message = format!("the layer has no {}", missing.join(", no "));
            self.fault(document, written.line, message);
            return None;
        }
        complete_layer(document, text)
    }

    /// The layer with the keys of the layers it draws, following a chain of `use` to its end.
    fn drawn(&mut self, document: &Document, written: &LayerText) -> Option<LayerText> {
        let mut text = written.clone();
        let mut followed = Vec::new();
        while let Some((file, layer)) = text.draws.take() {
            let message = format!("`use` names `{file}#{layer}`");
            if followed.contains(&(file.clone(), layer.clone())) {
                self.fault(document, written.line, format!("{message}, which leads back to itself"));
                return None;
            }
            let Some(source) = find(self.documents, &file, &layer) else {
                if self.complete || self.documents.iter().any(|document| document.id == file) {
                    self.fault(document, written.line, format!("{message}, which no file has"));
                }
                return None;
            };
            text = merged(text, source);
            followed.push((file, layer));
        }
        Some(text)
    }

    fn check_days(&mut self, document: &Document, text: &LayerText) {
        if let Some(days) = text.in_force.filter(|days| document.sound && !days.within(&document.in_force)) {
            let message = format!("the layer's days, {days}, are not within the file's, {}", document.in_force);
            self.fault(document, text.line, message);
        }
    }

    fn check_id(&mut self, document: &Document, written: &LayerText) {
        if let (Some(id), Some((_, drawn))) = (&written.id, &written.draws)
            && id != drawn
        {
            let message = format!("the layer is given the id `{id}`, but a drawn layer keeps its id `{drawn}`");
            self.fault(document, written.line, message);
        }
    }

    fn check_ids(&mut self, document: &Document) {
        for (at, layer) in document.layers.iter().enumerate() {
            let id = id(layer);
            if id.is_some() && document.layers[..at].iter().any(|before| self::id(before) == id) {
                let message = format!("the file has two layers `{}`", id.unwrap_or_default());
                self.fault(document, layer.line, message);
            }
        }
    }

    /// All caps on one account in one file state the same `of` and `annual`.
    fn check_caps(&mut self, document: &Document, layers: &[LayerRule]) {
        let caps: Vec<_> = layers.iter().flat_map(|layer| layer.caps.iter().map(move |cap| (layer, cap))).collect();
        for (at, (layer, cap)) in caps.iter().enumerate() {
            let differs = caps[..at].iter().find(|(_, before)| before.account == cap.account && before != cap);
            if let Some((other, _)) = differs {
                let line = document.layers.iter().find(|text| id(text) == Some(&layer.id)).map_or(1, |text| text.line);
                let message = format!(
                    "layers `{}` and `{}` state different caps on the account `{}`",
                    other.id, layer.id, cap.account
                );
                self.fault(document, line, message);
            }
        }
    }
}

/// The id of a layer, its own or that of the layer it draws.
fn id(layer: &LayerText) -> Option<&str> {
    layer.id.as_deref().or(layer.draws.as_ref().map(|(_, drawn)| drawn.as_str()))
}

fn find<'a>(documents: &'a [Document], file: &str, layer: &str) -> Option<&'a LayerText> {
    let document = documents.iter().find(|document| document.id == file)?;
    document.layers.iter().find(|text| id(text) == Some(layer))
}

/// A layer with the absent keys filled from the layer it draws, and the assumptions of both.
fn merged(text: LayerText, drawn: &LayerText) -> LayerText {
    let mut assumed = drawn.assumed.clone();
    assumed.extend(text.assumed.into_iter().filter(|key| !drawn.assumed.contains(key)));
    let drawn = drawn.clone();
    LayerText {
        line: text.line,
        sound: text.sound && drawn.sound,
        draws: drawn.draws,
        id: text.id.or(drawn.id),
        name: text.name.or(drawn.name),
        payer: text.payer.or(drawn.payer),
        visits: text.visits.or(drawn.visits),
        pools: text.pools.or(drawn.pools),
        period: text.period.or(drawn.period),
        only: text.only.or(drawn.only),
        in_force: text.in_force.or(drawn.in_force),
        prior_self_pay: text.prior_self_pay.or(drawn.prior_self_pay),
        schedule: text.schedule.or(drawn.schedule),
        caps: text.caps.or(drawn.caps),
        when: text.when.or(drawn.when),
        for_: text.for_.or(drawn.for_),
        cites: text.cites.or(drawn.cites),
        assumed,
    }
}

fn missing_keys(text: &LayerText) -> Vec<&'static str> {
    let keys = [
        ("`id`", text.id.is_none()),
        ("`payer`", text.payer.is_none()),
        ("`visits`", text.visits.is_none()),
        ("`pools`", text.pools.is_none()),
        ("`period`", text.period.is_none()),
        ("`schedule`", text.schedule.is_none()),
        ("`cites`", text.cites.is_none()),
    ];
    keys.into_iter().filter(|(_, missing)| *missing).map(|(key, _)| key).collect()
}

fn complete_layer(document: &Document, text: LayerText) -> Option<LayerRule> {
    let id = text.id?;
    Some(LayerRule {
        name: text.name.unwrap_or_else(|| id.clone()).into(),
        id: id.into(),
        payer: text.payer?.into(),
        visits: text.visits?,
        pools: text.pools?,
        period: text.period?,
        only: text.only.unwrap_or_default(),
        in_force: text.in_force.unwrap_or(document.in_force),
        prior_self_pay: text.prior_self_pay.unwrap_or(ExactDecimal::ZERO),
        schedule: text.schedule?,
        caps: text.caps.unwrap_or_default(),
        when: text.when.unwrap_or_default(),
        for_: text.for_.unwrap_or_default(),
        cites: text.cites?,
        assumed: text.assumed,
    })
}
